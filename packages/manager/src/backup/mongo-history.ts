/** The history of restored runs: what was copied after its run says more than the run knows. */
import type { Db } from 'mongodb';
import { collectionsOf } from '../store/mongo/names.ts';

/** Entries dropped in one round trip. */
const batchEntries = 500;

/**
 * Drops entries that came after the copy of their run, and those of runs that were started after it. `runs` names the collection of the
 * runs among the restored ones.
 */
export async function reconcileHistory(db: Db, runs: string): Promise<void> {
  const collections = collectionsOf(db, runs);
  const entries = new Map<string, number>();
  for await (const { _id, _store } of collections.runs.find({}, { projection: { '_store.entries': 1 } })) {
    entries.set(String(_id), _store?.entries ?? 0);
  }
  const surplus: string[] = [];
  for await (const { _id, run, sequence } of collections.history.find(
    {},
    { projection: { run: 1, sequence: 1 } },
  )) {
    if (sequence > (entries.get(run) ?? 0)) surplus.push(_id);
  }
  for (let from = 0; from < surplus.length; from += batchEntries) {
    await collections.history.deleteMany({ _id: { $in: surplus.slice(from, from + batchEntries) } });
  }
}
