/**
 * Starts whose reply may not have left. The mark stands in the run's document; that the reply has left is not written there, which would
 * double the writes, but as "answered up to this place" in the manager's own document, for many starts at once.
 */
import type { Undelivered } from '../store.ts';
import type { Calls } from './calls.ts';
import type { Collections, StorePart } from './names.ts';
import type { Self } from './self.ts';

/** How long answers gather before they are written. */
const gatherMs = 50;

/** A start without an answer is kept among the open ones this long; the repeat of its request is awaited for a minute. */
const keptMs = 10 * 60_000;

export interface Delivered {
  mark(id: string, undelivered: { fingerprint: string }, at: string): NonNullable<StorePart['undelivered']>;
  forget(id: string): void;
  since(since: number): Promise<Undelivered[]>;
  close(): Promise<void>;
}

export function createDelivered({ runs, managers }: Collections, calls: Calls, self: Self): Delivered {
  const open = new Map<string, { place: number; markedAt: number }>();
  let place = 0;
  let timer: NodeJS.Timeout | undefined;

  async function write() {
    const oldest = performance.now() - keptMs;
    for (const [id, { markedAt }] of open) if (markedAt < oldest) open.delete(id);
    await self.save({ answered: place, open: [...open.values()].map((one) => one.place) });
  }

  function writeSoon() {
    timer ??= setTimeout(() => {
      timer = undefined;
      write().catch(writeSoon);
    }, gatherMs).unref();
  }

  async function isAnswered(): Promise<(mark: NonNullable<StorePart['undelivered']>, id: string) => boolean> {
    const documents = await calls.read(() => managers.find().toArray());
    const byId = new Map(documents.map((one) => [one._id, { last: one.answered, open: new Set(one.open) }]));
    return ({ by, place: at }, id) => {
      if (by === self.id) return !open.has(id);
      const one = byId.get(by);
      return one !== undefined && at <= one.last && !one.open.has(at);
    };
  }

  return {
    mark: (id, { fingerprint }, at) => {
      open.set(id, { place: ++place, markedAt: performance.now() });
      return { fingerprint, at: Date.parse(at), by: self.id, place };
    },
    forget: (id) => {
      if (open.delete(id)) writeSoon();
    },
    since: async (since) => {
      const filter = { '_store.undelivered.at': { $gte: since } };
      const found = await calls.read(() => runs.find(filter).project({ '_store.undelivered': 1 }).toArray());
      const answered = await isAnswered();
      return found.flatMap(({ _id, _store }) => {
        const mark = (_store as StorePart | undefined)?.undelivered;
        if (mark === undefined || answered(mark, String(_id))) return [];
        return [{ id: String(_id), fingerprint: mark.fingerprint, at: mark.at }];
      });
    },
    close: async () => {
      clearTimeout(timer);
      if (place > 0) await write().catch(() => undefined); // The starts then count as undelivered for their minute.
    },
  };
}
