/** Puts copied records into a MongoDB store. Every record has its own `_id`, so that putting it twice leaves it there once. */
import type { Experiment } from '@madsci-ts/protocol';
import { parseJson } from '@madsci-ts/protocol';
import { StoreError } from '../store.ts';
import type { RecordKind, Records } from '../archive.ts';
import { exactly, readDocument, textOfRun, toDocument, withNumbers } from './document.ts';
import type { PendingEvent } from './entries.ts';
import { textAfter } from './event-queue.ts';
import { insertAll } from './inserts.ts';
import { historyId, type CampaignDocument, type Collections, type RunDocument } from './names.ts';

export type Puts = { [Kind in RecordKind]: (records: Records[Kind][]) => Promise<void> };

export function createPuts({ runs, history, once, campaigns }: Collections): Puts {
  return {
    run: async (records) => {
      const documents = records.map(runDocument);
      await insertMissing(documents, () => runs.insertMany(documents, { ordered: false }));
    },
    history: async (records) => {
      const documents = records.map(({ run, sequence, text }) => {
        return { _id: historyId(run, sequence), run, sequence, entry: text };
      });
      await insertMissing(documents, () => history.insertMany(documents, { ordered: false }));
    },
    once: async (records) => {
      const documents = records.map(({ key, ...rest }) => ({ _id: key, ...rest }));
      await insertMissing(documents, () => once.insertMany(documents, { ordered: false }));
    },
    event: (records) => putEvents(runs, records),
    campaign: (records) => putCampaigns(campaigns, records),
  };
}

async function insertMissing(documents: unknown[], insert: () => Promise<unknown>) {
  if (documents.length === 0) return;
  const results = await insertAll(insert, documents.length);
  const fault = results.find((result) => result instanceof Error);
  if (fault !== undefined) throw fault;
}

function runDocument({ id, text, entries, undelivered }: Records['run']): RunDocument {
  const run = parseJson(text) as unknown as Experiment;
  const mark = undelivered === null ? {} : { undelivered: { ...undelivered, by: 'copy', place: 1 } };
  const document = toDocument(run, { entries, ...mark });
  return document._id === id ? document : { ...document, _id: id };
}

/** Refuses runs that do not come back letter for letter. */
export async function refuseChanged({ runs }: Collections, records: Records['run'][]): Promise<void> {
  const texts = new Map(records.map(({ id, text }) => [id, text]));
  const found = await runs.find({ _id: { $in: [...texts.keys()] } }, exactly).toArray();
  for (const document of found) {
    const { run } = readDocument(document);
    if (textOfRun({ run }) === texts.get(String(document._id))) continue;
    const faults = run.unreadable === undefined ? '' : `: ${run.unreadable.join(', ')}`;
    throw new StoreError(
      `Run ${String(document._id)} does not come back from MongoDB letter for letter${faults}`,
    );
  }
}

/** Nobody else writes to these runs, so that the lists are made here, in the order given. */
async function putEvents(runs: Collections['runs'], records: Records['event'][]) {
  const idOf = ({ run }: Records['event']) => (JSON.parse(run) as { _id: string })._id;
  for (const [id, events] of Map.groupBy(records, idOf)) {
    const document = await runs.findOne({ _id: id }, exactly);
    if (document === null) throw new StoreError(`There is an event of run ${id}, but not that run`);
    const texts = new Set(document._store?.events);
    for (const event of events) texts.add(JSON.stringify(pendingEvent(event, withNumbers(document))));
    await runs.updateOne({ _id: id }, { $set: { '_store.events': [...texts] } });
  }
}

/** The run's text only where it cannot be told from the run as it is. */
function pendingEvent(
  { event_id, event_type, at, run }: Records['event'],
  document: RunDocument,
): PendingEvent {
  const { status: to, actor, status_reason: reason } = JSON.parse(run) as Experiment;
  const event = { event_id, event_type, at, actor: actor ?? '', reason, mark: '', to };
  return textAfter(document, event) === run ? event : { ...event, text: run };
}

/** Positions count from 1: far before those that registrations get. */
async function putCampaigns(campaigns: Collections['campaigns'], records: Records['campaign'][]) {
  const [last] = await campaigns.find().sort({ position: -1 }).limit(1).toArray();
  const there = new Set((await campaigns.find().toArray()).map(({ _id }) => _id));
  const from = (last?.position ?? 0) + 1;
  const documents = records
    .filter(({ id }) => !there.has(id))
    .map(({ id, version, text }, index): CampaignDocument => {
      return { _id: id, position: from + index, version, text: withoutVersion(text, version), keys: [] };
    });
  if (documents.length > 0) await campaigns.insertMany(documents);
}

/** The store keeps the version, the last field of the text, beside it. */
function withoutVersion(text: string, version: number): string {
  const end = `"version":${version}}`;
  if (!text.endsWith(end)) throw new StoreError(`A campaign's text does not end with its version ${version}`);
  return `${text.slice(0, -end.length).replace(/,$/, '')}}`;
}
