/**
 * Turns: of several who change one document, one after the other.
 *
 * MongoDB changes a document atomically, and nobody needs a turn. FerretDB 1.24 reads the document, changes it and writes it back, so that
 * of two changes at the same time one is lost and both succeed. Only its insert is atomic (one wins a new `_id`): so a turn there is a
 * document in the collection of turns. A manager that is alone on the database (see presence.ts) keeps order in its own memory instead.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../store.ts';
import type { Calls } from './calls.ts';
import { isDuplicate } from './errors.ts';
import { turnTimeoutMs, turnValidMs } from './limits.ts';
import type { Collections } from './names.ts';
import type { Presence } from './presence.ts';

/**
 * Does the work while nobody else does work of this name. Rejects with a StoreError where its turn does not come. `stillMine` throws where a
 * process was held up for so long that others may have taken over; asked right before a write.
 */
export type InTurn = <T>(name: string, work: (stillMine: () => void) => Promise<T>) => Promise<T>;

export const noTurns: InTurn = (_name, work) => work(() => undefined);

/** Pauses between two tries, growing. */
const pausesMs = [2, 3, 5, 10, 20, 40];

/** A turn whose holder has not come to an end for this long, seen to be so without a gap, is one of a killed process. */
const abandonedAfterMs = turnValidMs * 2;

/** Seen at least so often, a turn was held all the time. */
const longestGapMs = 1000;

export interface TurnOptions {
  turns: Collections['turns'];
  calls: Calls;
  /** Names this process. */
  by: string;
  enter: Presence['enter'];
}

export function createTurns({ turns, calls, by, enter }: TurnOptions): InTurn {
  const tails = new Map<string, Promise<unknown>>();

  async function inMemory<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = tails.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => undefined);
    tails.set(name, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(name) === tail) tails.delete(name);
    }
  }

  async function inDatabase<T>(name: string, work: Work<T>): Promise<T> {
    await take(turns, calls, { name, by });
    try {
      return await work(createFence());
    } finally {
      await calls.write(() => turns.deleteOne({ _id: name, by })).catch(() => undefined); // Then it is found abandoned.
    }
  }

  return (name, work) =>
    inMemory(name, async () => {
      const { shared, done } = enter();
      try {
        return await (shared ? inDatabase(name, work) : work(createFence()));
      } finally {
        done();
      }
    });
}

/** Nothing was changed: the work may be done again in a new turn. */
export class HeldUp extends StoreError {
  constructor() {
    super('The database or this manager was held up too long for a safe change; nothing was changed');
  }
}

type Work<T> = (stillMine: () => void) => Promise<T>;

function createFence(): () => void {
  const since = performance.now();
  return () => {
    if (performance.now() - since < turnValidMs) return;
    throw new HeldUp();
  };
}

async function take(turns: Collections['turns'], calls: Calls, { name, by }: { name: string; by: string }) {
  const deadline = performance.now() + turnTimeoutMs + abandonedAfterMs;
  const watch = watchHolder();
  for (let tries = 0; performance.now() < deadline; tries++) {
    try {
      await calls.write(() => turns.insertOne({ _id: name, by }));
      return;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    const holder = await calls.read(() => turns.findOne({ _id: name }));
    if (holder !== null && watch(holder.by))
      await calls.write(() => turns.deleteOne({ _id: name, by: holder.by }));
    const pauseMs = pausesMs[Math.min(tries, pausesMs.length - 1)] ?? 0;
    await delay(pauseMs * (0.5 + Math.random()));
  }
  throw new StoreError('Too many managers change the same run at the same time; try again');
}

/** Tells whether a holder has been seen for so long that its process must be gone. */
function watchHolder() {
  let seen = { by: '', since: 0, last: 0 };
  return (by: string): boolean => {
    const now = performance.now();
    const goesOn = by === seen.by && now - seen.last < longestGapMs;
    seen = { by, since: goesOn ? seen.since : now, last: now };
    return now - seen.since > abandonedAfterMs;
  };
}
