/** The mark of a copy into this file that is not complete: a table of one row, which is there only as long. */
import type { DatabaseSync } from 'node:sqlite';
import type { CopyMark } from '../archive.ts';

export function createCopyMark(database: DatabaseSync) {
  const remove = () => database.exec('DROP TABLE IF EXISTS unfinished_copy');
  return {
    read(): CopyMark | undefined {
      const there = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'unfinished_copy'").get();
      if (there === undefined) return undefined;
      const row = database.prepare('SELECT mark FROM unfinished_copy').get();
      return JSON.parse(String(row?.['mark'])) as CopyMark;
    },
    set(mark: CopyMark) {
      database.exec(
        'CREATE TABLE IF NOT EXISTS unfinished_copy (id INTEGER PRIMARY KEY, mark TEXT NOT NULL) STRICT',
      );
      database
        .prepare('INSERT OR REPLACE INTO unfinished_copy (id, mark) VALUES (1, ?)')
        .run(JSON.stringify(mark));
    },
    remove,
  };
}
