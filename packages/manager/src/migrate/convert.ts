/** Changes every run of a collection, many at a time. Each change is one write of one document, and a changed document is left alone. */
import type { AnyBulkWriteOperation, Collection, Document, Filter } from 'mongodb';
import type { RunChange, StoredRun } from './run-changes.ts';
import { neededFields } from './run-changes.ts';

/** Runs read in one round trip. */
const batchRuns = 1000;

/** Runs changed in one round trip: FerretDB 1.24 stands still for ever at about a hundred. */
const batchUpdates = 25;

export interface ConvertOptions {
  /** Whether the run still has to be changed. */
  pending: (run: StoredRun) => boolean;
  change: (run: StoredRun) => RunChange;
  /** Keeps the new history entries of a batch; doing it twice must be harmless. */
  keepHistory: (changes: { run: StoredRun; change: RunChange }[]) => Promise<void>;
  onProgress: (done: number, total: number) => Promise<void>;
}

export interface Converted {
  runs: number;
  changed: number;
  /** Ids of runs with a time that the clock showed twice. */
  ambiguous: string[];
  /** Ids of runs with a field that could not be read, and was left as it is. */
  unreadable: string[];
}

/**
 * The ids are read first and held in memory: FerretDB waits for an open reading to end before it writes, and it reads the whole collection
 * for each batch, which is why a batch is large.
 */
export async function convertRuns(runs: Collection, options: ConvertOptions): Promise<Converted> {
  const ids = (await runs.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id as unknown);
  const result: Converted = { runs: ids.length, changed: 0, ambiguous: [], unreadable: [] };
  const projection = Object.fromEntries(neededFields.map((field) => [field, 1]));
  for (let from = 0; from < ids.length; from += batchRuns) {
    const batch = ids.slice(from, from + batchRuns);
    const found = await runs.find({ _id: { $in: batch } } as Filter<Document>, { projection }).toArray();
    const pending = (found as unknown as StoredRun[]).filter((run) => options.pending(run));
    await convertBatch(runs, pending, options, result);
    await options.onProgress(from + batch.length, ids.length);
  }
  return result;
}

async function convertBatch(
  runs: Collection,
  batch: StoredRun[],
  options: ConvertOptions,
  result: Converted,
) {
  if (batch.length === 0) return;
  const changes = batch.map((run) => ({ run, change: options.change(run) }));
  // First: a run that counts its entries has them.
  await options.keepHistory(changes);
  for (let from = 0; from < changes.length; from += batchUpdates) {
    await runs.bulkWrite(changes.slice(from, from + batchUpdates).map(updateOf), { ordered: false });
  }
  result.changed += batch.length;
  for (const { run, change } of changes) {
    if (change.ambiguous.length > 0) result.ambiguous.push(String(run._id));
    if (change.unreadable.length > 0) result.unreadable.push(String(run._id));
  }
}

/** By the id alone: FerretDB reads the whole collection for any other filter. */
function updateOf({ run, change }: { run: StoredRun; change: RunChange }): AnyBulkWriteOperation {
  const $unset = Object.fromEntries(change.unset.map((field) => [field, '']));
  const update: Document = { $set: change.set, ...(change.unset.length > 0 ? { $unset } : {}) };
  return { updateOne: { filter: { _id: run._id } as Filter<Document>, update } };
}
