/** Pages of runs. Where a run's start cannot be read it stands behind all others. */
import { ObjectId, type Filter, type Sort } from 'mongodb';
import { statuses, type RunPosition, type Status } from '@madsci-ts/protocol';
import type { RunPage } from '../store.ts';
import { exactly, readDocument, textOfRun } from './document.ts';
import type { RunDocument } from './names.ts';
import type { Shared } from './shared.ts';

const latestFirst: Sort = { started_at: -1, _id: -1 };
const isDated = { started_at: { $type: 'string' } };
const isUndated = { started_at: { $not: { $type: 'string' } } };

export async function readRuns({ collections, calls }: Shared, page: RunPage): Promise<string[]> {
  const { limit, after, status } = page;
  const find = async (filters: Filter<RunDocument>[], order: Sort, most: number) => {
    const filter = { $and: [...filters, ...(status === undefined ? [] : [ofStatus(status)])] };
    const query = () => collections.runs.find(filter, { ...exactly, sort: order, limit: most }).toArray();
    return calls.read(query);
  };
  const isBehindDated = after !== undefined && after.started_at === '';
  const dated = isBehindDated
    ? []
    : await find([isDated, ...(after === undefined ? [] : [behind(after)])], latestFirst, limit);
  const texts = dated.map((document) => textOfRun(readDocument(document)));
  if (texts.length === limit) return texts;
  const rest = isBehindDated ? [isUndated, smallerId(after.id)] : [isUndated];
  const undated = await find(rest, { _id: -1 }, limit - texts.length);
  return [...texts, ...undated.map((document) => textOfRun(readDocument(document)))];
}

const behind = ({ started_at, id }: RunPosition): Filter<RunDocument> => ({
  $or: [{ started_at: { $lt: started_at } }, { $and: [{ started_at }, smallerId(id)] }],
});

/** ObjectIds sort behind texts, so that latest first they come before them. */
function smallerId(id: string): Filter<RunDocument> {
  if (!/^[0-9a-f]{24}$/.test(id)) return { _id: { $lt: id } };
  return { $or: [{ _id: { $lt: ObjectId.createFromHexString(id) } }, { _id: { $type: 'string' } }] };
}

/** A foreign status is served as unknown. */
function ofStatus(status: Status): Filter<RunDocument> {
  if (status !== 'unknown') return { status };
  return { status: { $nin: statuses.filter((other) => other !== 'unknown') } };
}
