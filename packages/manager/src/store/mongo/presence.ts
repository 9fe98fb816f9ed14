/**
 * Whether this manager is alone on a FerretDB, where managers have to take turns (see turns.ts). One that is alone need not, and says so in
 * its own document; a second one waits at its opening until the first has agreed to share, or has not given a sign of life for so long
 * that it must be dead.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../store.ts';
import type { Calls } from './calls.ts';
import { turnValidMs } from './limits.ts';
import type { Collections, ManagerDocument } from './names.ts';
import type { Self } from './self.ts';

const beatIntervalMs = 1000;
/** A manager that is alone changes nothing without turns unless its last sign of life is younger. */
const validMs = turnValidMs;
/** One without a sign of life for this long is dead, or knows that it has to share: longer than it relies on that sign, and a turn on it. */
const deadAfterMs = 3 * turnValidMs;
/** How long an opening waits for the others' agreement. */
const agreementTimeoutMs = 30_000;

export interface Presence {
  /** True where turns have to be taken. A piece of work asks once, at its beginning, and is counted until `done`. */
  enter(): { shared: boolean; done(): void };
  close(): Promise<void>;
}

export async function createPresence(
  managers: Collections['managers'],
  calls: Calls,
  self: Self,
): Promise<Presence> {
  const watch = watchOthers(managers, calls, self.id);
  let alone = false;
  let confirmedAt = 0;
  let lonelyWorks = 0;
  let drained = Promise.withResolvers<void>();
  const stopping = new AbortController();

  async function share() {
    alone = false;
    if (lonelyWorks > 0) await drained.promise;
    await self.save({ shares: true });
  }

  async function beAlone() {
    await self.save({ shares: false });
    alone = (await watch()).length === 0;
    if (!alone) await share();
  }

  async function beat(count: number) {
    const startedAt = performance.now();
    await self.save({ beat: count });
    const others = await watch();
    if (others.length === 0 && !alone) await beAlone();
    if (others.length > 0 && alone) await share();
    confirmedAt = startedAt;
  }

  await agreement(watch);
  await beat(1);
  const beating = (async () => {
    for (let count = 2; !stopping.signal.aborted; count++) {
      await delay(beatIntervalMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (!stopping.signal.aborted) await beat(count).catch(() => undefined); // Until the next succeeds turns are taken.
    }
  })();

  return {
    enter: () => {
      const lonely = alone && performance.now() - confirmedAt < validMs;
      if (!lonely) return { shared: true, done: () => undefined };
      if (lonelyWorks++ === 0) drained = Promise.withResolvers<void>();
      return { shared: false, done: () => void (--lonelyWorks === 0 && drained.resolve()) };
    },
    close: async () => {
      stopping.abort();
      await beating;
      await self.save({ closed: true }).catch(() => undefined); // The others then find it dead.
    },
  };
}

type Watch = () => Promise<ManagerDocument[]>;

/** The other managers that may be alive. */
function watchOthers(managers: Collections['managers'], calls: Calls, own: string): Watch {
  const seen = new Map<string, { beat: number; since: number }>();
  return async () => {
    const all = await calls.read(() => managers.find({ _id: { $ne: own }, closed: { $ne: true } }).toArray());
    const now = performance.now();
    return all.filter(({ _id, beat }) => {
      const before = seen.get(_id);
      if (before === undefined || before.beat !== beat) seen.set(_id, { beat, since: now });
      return now - (seen.get(_id)?.since ?? now) < deadAfterMs;
    });
  };
}

/** Nobody writes before all the others know that they have to share. */
async function agreement(watch: Watch) {
  const deadline = performance.now() + agreementTimeoutMs;
  while ((await watch()).some(({ shares }) => !shares)) {
    if (performance.now() > deadline) {
      throw new StoreError(
        'Another manager on this database does not agree to share it; stop it, then start this one again',
      );
    }
    await delay(50);
  }
}
