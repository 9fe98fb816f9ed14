/** One transaction for several works, patient while somebody else writes. */
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from './errors.ts';

/** How long to wait for another process that writes, e.g. a person's SQLite shell: 3.8 s in all, then the writes are refused. */
const busyWaitsMs = [5, 20, 50, 100, 200, 400, 1000, 2000];

/** Work of one transaction; it may run more than once, so it depends on the database and its arguments alone. */
export type Work<T> = () => T;

/** Run at the beginning and the end of each transaction. */
export interface TransactionHooks {
  before(): void;
  settle(): void;
}

/**
 * Runs works in one transaction and resolves to their results once it is on disk. Rejects with the database's own error when nothing of it
 * happened.
 */
export type Transact = (works: Work<unknown>[]) => Promise<unknown[]>;

export function createTransact(database: DatabaseSync, hooks: TransactionHooks): Transact {
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

  return async (works) => {
    for (const waitMs of busyWaitsMs) {
      try {
        return transaction(works);
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
      await delay(waitMs);
    }
    return transaction(works);
  };
}
