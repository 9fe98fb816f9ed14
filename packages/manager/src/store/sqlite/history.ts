/** What happened to the runs. */
import type { DatabaseSync } from 'node:sqlite';
import type { HistoryEntry } from '@madsci-ts/protocol';
import { historyEntry, type Attribution } from '../store.ts';

export type Step = Pick<HistoryEntry, 'command' | 'from' | 'to' | 'accepted'>;

export type History = ReturnType<typeof createHistory>;

export function createHistory(database: DatabaseSync) {
  const insertEntry = database.prepare('INSERT INTO history (run, sequence, entry) VALUES (?, ?, ?)');

  return {
    /** Adds an entry to the run at this position; returns the entry's place among all changes. */
    note(run: number, sequence: number, write: Attribution, step: Step): number {
      const entry = JSON.stringify(historyEntry(write, { sequence, ...step }));
      return Number(insertEntry.run(run, sequence, entry).lastInsertRowid);
    },
  };
}
