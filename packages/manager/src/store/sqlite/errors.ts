import { StoreError } from '../store.ts';

/** What SQLite's primary result codes (https://www.sqlite.org/rescode.html) mean to an operator. */
const meanings: Record<number, (path: string) => string> = {
  5: (path) =>
    `The database ${path} is locked by another process; stop that process, or wait until it is done`,
  6: (path) =>
    `The database ${path} is locked by another process; stop that process, or wait until it is done`,
  8: (path) => `The database ${path} is read-only; make the file and its folder writable for this user`,
  10: (path) => `The disk of the database ${path} fails to read or write; check the disk`,
  11: (path) => `The database ${path} is damaged; restore a backup, and keep the damaged file for recovery`,
  13: (path) => `The disk of the database ${path} is full; free some space, nothing acknowledged is lost`,
  14: (path) => `The database ${path} cannot be opened; check that its folder exists and is writable`,
  26: (path) =>
    `The file ${path} is no SQLite database, or its beginning is damaged; restore a backup, or name another file in EXPERIMENT_DB_URL`,
};

/** SQLite's primary result code of an error of node:sqlite; undefined for any other error. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

/** SQLITE_BUSY: somebody else is writing. */
export const isBusy = (error: unknown): boolean => sqliteCode(error) === 5;

/** The error as the store's callers know it; one that is not the database's comes back as it is. */
export function asStoreError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const meaning = meanings[code];
  const text =
    meaning?.(path) ?? `The database ${path} reports: ${error instanceof Error ? error.message : ''}`;
  return new StoreError(text, { cause: error });
}
