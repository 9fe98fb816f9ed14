/** Calls that arrive while a round trip is under way share the next one. */
import { StoreError } from '../store.ts';
import { maxBatchSize } from './limits.ts';

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export interface Batches<Item, Result> {
  add(item: Item): Promise<Result>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/**
 * `run` resolves to one result for each item, an Error where that item alone failed. Where it rejects, nothing is known of its items; those
 * still waiting are then rejected unsent, so that nobody waits for one timeout after the other.
 */
export function createBatches<Item, Result>(
  run: (items: Item[]) => Promise<(Result | Error)[]>,
): Batches<Item, Result> {
  let queue: Waiting<Item, Result>[] = [];
  let running: Promise<void> | undefined;

  async function work() {
    // What arrives in the same turn of the event loop goes along.
    await new Promise(setImmediate);
    while (queue.length > 0) {
      const batch = queue.slice(0, maxBatchSize);
      queue = queue.slice(maxBatchSize);
      try {
        settle(batch, await run(batch.map(({ item }) => item)));
      } catch (error) {
        for (const { reject } of batch) reject(error);
        refuseWaiting(error);
      }
    }
    running = undefined;
  }

  function refuseWaiting(error: unknown) {
    const waiting = queue;
    queue = [];
    const unsent =
      error instanceof StoreError ? error : new StoreError('The database failed', { cause: error });
    for (const { reject } of waiting) reject(unsent);
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        running ??= work();
      }),
    idle: async () => {
      for (let last = running; last !== undefined; last = running) await last;
    },
  };
}

function settle<Item, Result>(batch: Waiting<Item, Result>[], results: (Result | Error)[]) {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const result = results[index];
    if (result instanceof Error) reject(result);
    else resolve(result as Result);
  }
}
