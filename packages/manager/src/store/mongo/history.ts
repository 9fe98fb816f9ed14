/** A run's history: the newest entries in its document, the others in a collection of their own. */
import type { HistoryEntry, Status } from '@madsci-ts/protocol';
import type { Page } from '../store.ts';
import type { Calls } from './calls.ts';
import { draftOf, type Draft } from './changes.ts';
import { movedOut, numbered } from './entries.ts';
import { insertAll } from './inserts.ts';
import {
  historyId,
  type Collections,
  type HistoryDocument,
  type RunDocument,
  type StorePart,
} from './names.ts';

/**
 * Puts the first `count` pending entries into the collection and takes them from the draft. Put twice, an entry is there once. It is in the
 * collection before it leaves the run, so that nothing depends on when a process dies.
 */
export type MoveOut = (draft: Draft, count: number) => Promise<void>;

type Parts = Pick<Collections, 'history'>;

export function createMoveOut({ history }: Parts, calls: Calls): MoveOut {
  return async (draft, count) => {
    const run = String(draft.id);
    const first = {
      ...draft.store,
      entries: movedOut(draft.store) + count,
      pending: draft.store.pending.slice(0, count),
    };
    const { entries, last } = numbered(first, await baseOf(history, calls, { run, store: draft.store }));
    const documents = entries.map((entry): HistoryDocument => {
      const { sequence } = entry;
      return { _id: historyId(run, sequence), run, sequence, entry: JSON.stringify(entry) };
    });
    await putAll(history, calls, documents);
    draft.store.pending = draft.store.pending.slice(count);
    draft.store.base = last;
  };
}

async function putAll(history: Parts['history'], calls: Calls, documents: HistoryDocument[]) {
  const insert = () => calls.write(() => history.insertMany(documents, { ordered: false }));
  for (const [index, result] of (await insertAll(insert, documents.length)).entries()) {
    if (result instanceof Error) throw result;
    const document = documents[index];
    // There from a move that a crash cut short, or from a restored backup that holds later entries than its runs.
    if (!result && document !== undefined) {
      await calls.write(() => history.replaceOne({ _id: document._id }, document));
    }
  }
}

/** The status before the first pending entry. */
async function baseOf(
  history: Parts['history'],
  calls: Calls,
  { run, store }: { run: string; store: StorePart },
): Promise<Status | null> {
  if (store.base !== undefined) return store.base as Status | null;
  const before = movedOut(store);
  if (before === 0) return null;
  const found = await calls.read(() => history.findOne({ _id: historyId(run, before) }));
  if (found === null) return null;
  const { from, to, accepted } = JSON.parse(found.entry) as HistoryEntry;
  return accepted ? to : from;
}

/** Oldest first, each as JSON text. */
export async function readHistory(
  { history }: Parts,
  calls: Calls,
  { document, page }: { document: RunDocument; page: Page },
): Promise<string[]> {
  const { limit, after = 0 } = page;
  const { store, id } = draftOf(document);
  const run = String(id);
  const moved = movedOut(store);
  const texts: string[] = [];
  if (after < moved) {
    const filter = { run, sequence: { $gt: after, $lte: moved } };
    const query = () => history.find(filter).sort({ sequence: 1 }).limit(limit).toArray();
    for (const { entry } of await calls.read(query)) texts.push(entry);
  }
  if (texts.length < limit && after < store.entries) {
    const { entries } = numbered(store, await baseOf(history, calls, { run, store }));
    const behind = entries.filter(({ sequence }) => sequence > after);
    texts.push(...behind.slice(0, limit - texts.length).map((entry) => JSON.stringify(entry)));
  }
  return texts;
}
