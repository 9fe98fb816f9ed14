/** The runs' documents, beside each the number of its history entries and its status. */
import type { DatabaseSync } from 'node:sqlite';
import { parseJson, type Experiment } from '@madsci-ts/protocol';

export interface StoredRun {
  position: number;
  /** How many entries its history has. */
  entries: number;
  run: Experiment;
  /** The document as it is stored. */
  text: string;
}

export type RunTable = ReturnType<typeof createRunTable>;

export function createRunTable(database: DatabaseSync) {
  const insert = database.prepare(
    'INSERT INTO run (id, status, started_at, entries, document) VALUES (?, ?, ?, 1, ?)',
  );
  const select = database.prepare('SELECT position, entries, document FROM run WHERE id = ?');
  const update = database.prepare('UPDATE run SET status = ?, entries = ?, document = ? WHERE position = ?');
  const updateEntries = database.prepare('UPDATE run SET entries = ? WHERE position = ?');

  return {
    /** Keeps a new run, which has one entry; returns its position. */
    insert: (run: Experiment, startedAt: string, text: string): number =>
      Number(insert.run(run._id, run.status, startedAt, text).lastInsertRowid),
    find(id: string): StoredRun | undefined {
      const row = select.get(id);
      if (row === undefined) return undefined;
      const text = String(row['document']);
      const run = parseJson(text) as unknown as Experiment;
      return { position: Number(row['position']), entries: Number(row['entries']), run, text };
    },
    /** Replaces the document of a run that gets one more entry. */
    update: ({ position, entries }: StoredRun, run: Experiment, text: string) =>
      void update.run(run.status, entries + 1, text, position),
    /** The run gets one more entry and stays as it is. */
    countEntry: ({ position, entries }: StoredRun) => void updateEntries.run(entries + 1, position),
  };
}
