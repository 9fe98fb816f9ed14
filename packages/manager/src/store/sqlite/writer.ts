/**
 * Group commit. Writes that arrive in successive turns of the event loop share one transaction and so one fsync; a write's promise resolves
 * after the commit. A timed window would only add its length to every reply.
 */
import { StoreError } from '../store.ts';
import { asStoreError, isBusy } from './errors.ts';
import type { Transact, Work } from './transactions.ts';

/** How long work that is in no hurry waits for a transaction to join before it gets its own. */
const piggybackMs = 50;

/** Writes that wait no longer for others to join them. */
const maxBatch = 256;

interface Pending {
  work: Work<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export interface Writer {
  /** Runs work in a transaction that is on disk when the promise resolves. */
  write<T>(work: Work<T>): Promise<T>;
  /** Runs work with the next transaction, which comes within 50 ms. */
  piggyback(work: Work<void>): void;
  /** Finishes what was accepted; refuses what comes later. */
  close(): Promise<void>;
}

export function createWriter(transact: Transact, path: string): Writer {
  let queue: Pending[] = [];
  let riders: Work<void>[] = [];
  let running: Promise<void> | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  /** Resolves once a turn of the event loop has brought no further write: each that comes along spares an fsync. */
  async function quiet() {
    let seen = 0;
    while (seen < queue.length && queue.length < maxBatch) {
      seen = queue.length;
      await new Promise(setImmediate);
    }
  }

  async function flush() {
    while (queue.length > 0) {
      await quiet();
      const batch = queue;
      const along = riders;
      queue = [];
      riders = [];
      if (!(await settle(transact, path, batch, along))) riders.push(...along);
    }
    running = undefined;
  }

  function write<T>(work: Work<T>): Promise<T> {
    if (closed) return Promise.reject(new StoreError(`The database ${path} is closed`));
    return new Promise<T>((resolve, reject) => {
      queue.push({ work, resolve: (value) => resolve(value as T), reject });
      running ??= flush();
    });
  }

  const carryRiders = () => (riders.length === 0 || closed ? Promise.resolve() : write(() => undefined));

  return {
    write,
    piggyback: (work) => {
      riders.push(work);
      timer ??= setTimeout(() => {
        timer = undefined;
        carryRiders().catch(() => undefined); // They stay queued and ride with the next transaction.
      }, piggybackMs).unref();
    },
    close: async () => {
      clearTimeout(timer);
      await carryRiders().catch(() => undefined); // What they would have dropped is dropped by its age.
      closed = true;
      await running;
    },
  };
}

/** All in one transaction; if one of them fails, each in its own, so that it fails alone. Resolves to whether the riders were taken along. */
async function settle(
  transact: Transact,
  path: string,
  batch: Pending[],
  riders: Work<void>[],
): Promise<boolean> {
  const works = batch.map(({ work }) => work);
  try {
    const values = await transact([...works, ...riders]);
    for (const [index, { resolve }] of batch.entries()) resolve(values[index]);
    return true;
  } catch (error) {
    if (isBusy(error)) for (const { reject } of batch) reject(asStoreError(error, path));
    else for (const pending of batch) await settleAlone(transact, path, pending);
    return false;
  }
}

async function settleAlone(transact: Transact, path: string, { work, resolve, reject }: Pending) {
  try {
    const [value] = await transact([work]);
    resolve(value);
  } catch (error) {
    reject(asStoreError(error, path));
  }
}
