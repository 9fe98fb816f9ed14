/** The number of runs by status and of waiting events: counted along, and counted anew where a process may have died in between. */
import { setTimeout as delay } from 'node:timers/promises';
import { statuses, type Status } from '@madsci-ts/protocol';
import type { Counts } from '../store.ts';
import type { Calls } from './calls.ts';
import { isDuplicate } from './errors.ts';
import { preparationTimeoutMs } from './limits.ts';
import type { Collections, CounterDocument } from './names.ts';
import type { InTurn } from './turns.ts';

type CounterName = Status | 'events';

/** How long changes gather before they are written. */
const gatherMs = 100;
/** A recount holds if nobody wrote changes during it, nor this long after it: longer than changes gather. */
const quietMs = 500;
const recountPauseMs = 30_000;

const id = 'runs';

export interface Counters {
  count(name: CounterName, by: 1 | -1): void;
  counts(): Promise<Counts>;
  /** A write may have happened uncounted. */
  recountSoon(): void;
  close(): Promise<void>;
}

export interface CountersOptions {
  /** This process among the managers. */
  self: string;
  collections: Collections;
  calls: Calls;
  inTurn: InTurn;
}

/** Counts anew in the background; at once where nobody has counted yet, or a manager did not end in order. */
export async function createCounters(options: CountersOptions): Promise<Counters> {
  const { calls, collections } = options;
  const deltas = new Map<CounterName, number>();
  const stopping = new AbortController();
  const { flush, flushSoon, stop } = createFlush(options, deltas);
  let recounting: Promise<void> | undefined;
  let isDue = true;

  async function recountUntilQuiet() {
    while (isDue && !stopping.signal.aborted) {
      isDue = false;
      const isDone = await recount(options, { flush, signal: stopping.signal }).catch(() => false);
      if (isDone) continue;
      isDue = true;
      await delay(recountPauseMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  function recountSoon() {
    isDue = true;
    recounting ??= recountUntilQuiet().finally(() => (recounting = undefined));
  }

  if ((await calls.read(() => collections.counters.findOne({ _id: id }))) === null) await countFirst(options);
  else if (await othersAreOpen(options)) await recount(options, { flush, signal: stopping.signal });
  recountSoon();

  return {
    count: (name, by) => {
      deltas.set(name, (deltas.get(name) ?? 0) + by);
      flushSoon();
    },
    counts: async () => {
      await flush();
      const document = await calls.read(() => collections.counters.findOne({ _id: id }));
      return countsOf(document?.numbers ?? {});
    },
    recountSoon,
    close: async () => {
      stopping.abort();
      await recounting;
      stop();
      await flush().catch(() => undefined); // The next opening counts anew.
    },
  };
}

function createFlush({ calls, collections, inTurn }: CountersOptions, deltas: Map<CounterName, number>) {
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  async function write() {
    const changes = [...deltas].filter(([, by]) => by !== 0);
    deltas.clear();
    if (changes.length === 0) return;
    const increments = Object.fromEntries(changes.map(([name, by]) => [`numbers.${name}`, by]));
    const update = { $inc: { changes: 1, ...increments } };
    try {
      await inTurn('counters', () => calls.write(() => collections.counters.updateOne({ _id: id }, update)));
    } catch (error) {
      for (const [name, by] of changes) deltas.set(name, (deltas.get(name) ?? 0) + by);
      flushSoon();
      throw error;
    }
  }

  const flush = () => (last = last.then(write, write));

  function flushSoon() {
    timer ??= setTimeout(() => {
      timer = undefined;
      flush().catch(() => undefined); // Kept and tried again.
    }, gatherMs).unref();
  }

  return { flush, flushSoon, stop: () => clearTimeout(timer) };
}

/** Whether another manager runs, or was killed: then changes may be uncounted. */
async function othersAreOpen({ calls, collections, self }: CountersOptions): Promise<boolean> {
  const managers = await calls.read(() => collections.managers.find().toArray());
  return managers.some(({ _id, closed }) => _id !== self && !closed);
}

async function countFirst({ calls, collections }: CountersOptions) {
  const document: CounterDocument = { _id: id, changes: 0, numbers: await countAll(collections, calls) };
  await calls
    .write(() => collections.counters.insertOne(document))
    .catch((error: unknown) => {
      if (!isDuplicate(error)) throw error; // Another manager was faster.
    });
}

interface Recount {
  flush(): Promise<void>;
  signal: AbortSignal;
}

/** False where somebody counted meanwhile. */
async function recount(
  { collections, calls, inTurn }: CountersOptions,
  { flush, signal }: Recount,
): Promise<boolean> {
  await flush();
  const read = () => calls.read(() => collections.counters.findOne({ _id: id }));
  const before = await read();
  const numbers = await countAll(collections, calls);
  await delay(quietMs, undefined, { signal, ref: false });
  await flush();
  const changes = before?.changes ?? 0;
  return inTurn('counters', async () => {
    const after = await read();
    if (after === null || after.changes !== changes) return false;
    if (JSON.stringify(ordered(after.numbers)) === JSON.stringify(ordered(numbers))) return true;
    const update = { $set: { numbers, changes: changes + 1 } };
    const { matchedCount } = await calls.write(() =>
      collections.counters.updateOne({ _id: id, changes }, update),
    );
    return matchedCount === 1;
  });
}

const ordered = (numbers: Record<string, number>) =>
  [...statuses, 'events'].map((name) => numbers[name] ?? 0);

/** Reads all runs. */
export async function countAll({ runs }: Collections, calls: Calls): Promise<Record<string, number>> {
  const group = [{ $group: { _id: '$status', runs: { $sum: 1 } } }];
  const rows = await calls.read(() => runs.aggregate(group).toArray(), preparationTimeoutMs);
  const waiting = { '_store.events': { $gt: '' } };
  const project = { '_store.events': 1 };
  const holders = await calls.read(() => runs.find(waiting).project(project).toArray(), preparationTimeoutMs);
  const numbers: Record<string, number> = {};
  for (const row of rows) {
    const name = (statuses as readonly unknown[]).includes(row['_id']) ? (row['_id'] as Status) : 'unknown';
    numbers[name] = (numbers[name] ?? 0) + Number(row['runs']);
  }
  numbers['events'] = holders.reduce(
    (sum, { _store }) => sum + (_store as { events: string[] }).events.length,
    0,
  );
  return numbers;
}

export function countsOf(numbers: Record<string, number>): Counts {
  const pairs = statuses.map((status) => [status, numbers[status] ?? 0] as const);
  const byStatus = Object.fromEntries(pairs) as Record<Status, number>;
  const total = pairs.reduce((sum, [, runs]) => sum + runs, 0);
  return { total, byStatus, eventsWaiting: numbers['events'] ?? 0 };
}
