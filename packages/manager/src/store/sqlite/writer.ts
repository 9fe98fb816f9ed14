/**
 * Group commit. Writes that arrive in the same turn of the event loop share one transaction and so one fsync; a write's promise resolves
 * after the commit. A timed window would only add its length to every reply.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';
import { asStoreError, isBusy } from './errors.ts';

/** How long to wait for another process that writes, e.g. a person's SQLite shell: 3.8 s in all, then the writes are refused. */
const busyWaitsMs = [5, 20, 50, 100, 200, 400, 1000, 2000];

/** How long work that is in no hurry waits for a transaction to join before it gets its own. */
const piggybackMs = 50;

/** Work of one transaction; it may run more than once, so it depends on the database and its arguments alone. */
type Work<T> = () => T;

interface Pending {
  work: Work<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Result = { ok: true; value: unknown } | { ok: false; error: unknown };

export interface Writer {
  /** Runs work in a transaction that is on disk when the promise resolves. */
  write<T>(work: Work<T>): Promise<T>;
  /** Runs work with the next transaction, which comes within 50 ms. */
  piggyback(work: Work<void>): void;
  /** Finishes what was accepted; refuses what comes later. */
  close(): Promise<void>;
}

/** `before` and `settle` run at the beginning and the end of each transaction. */
export function createWriter(
  database: DatabaseSync,
  path: string,
  hooks: { before(): void; settle(): void },
): Writer {
  let queue: Pending[] = [];
  let riders: Work<void>[] = [];
  let running: Promise<void> | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');

  function transaction(works: Work<unknown>[]): unknown[] {
    begin.run();
    try {
      hooks.before();
      const values = works.map((work) => work());
      hooks.settle();
      commit.run();
      return values;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  async function patiently(works: Work<unknown>[]): Promise<unknown[]> {
    for (const waitMs of busyWaitsMs) {
      try {
        return transaction(works);
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
      await delay(waitMs);
    }
    return transaction(works);
  }

  async function single(work: Work<unknown>): Promise<Result> {
    try {
      const [value] = await patiently([work]);
      return { ok: true, value };
    } catch (error) {
      return { ok: false, error: asStoreError(error, path) };
    }
  }

  /** All in one transaction; if one of them fails, each in its own, so that it fails alone. */
  async function results(batch: Pending[], along: Work<void>[]): Promise<Result[]> {
    const works = batch.map((pending) => pending.work);
    try {
      const values = await patiently([...works, ...along]);
      return values.slice(0, works.length).map((value) => ({ ok: true, value }));
    } catch (error) {
      if (batch.length <= 1 || isBusy(error)) {
        riders.push(...along);
        return works.map(() => ({ ok: false, error: asStoreError(error, path) }));
      }
      const each: Result[] = [];
      for (const work of works) each.push(await single(work));
      riders.push(...along);
      return each;
    }
  }

  async function flush() {
    while (queue.length > 0) {
      const batch = queue;
      const along = riders;
      queue = [];
      riders = [];
      const outcomes = await results(batch, along);
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.ok) batch[index]?.resolve(outcome.value);
        else batch[index]?.reject(outcome.error);
      }
      // Lets the replies leave and new requests arrive before the next transaction.
      await new Promise(setImmediate);
    }
    running = undefined;
  }

  function write<T>(work: Work<T>): Promise<T> {
    if (closed) return Promise.reject(new StoreError(`The database ${path} is closed`));
    return new Promise<T>((resolve, reject) => {
      queue.push({ work, resolve: (value) => resolve(value as T), reject });
      running ??= new Promise(setImmediate).then(flush);
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
