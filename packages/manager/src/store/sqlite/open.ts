/** Opens the database file: alone, with every acknowledged commit on disk, at the newest schema. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';
import { asStoreError, isBusy } from './errors.ts';
import { migrations } from './migrations/index.ts';

/** Marks the file as ours: "mdsx" in ASCII. */
export const applicationId = 0x6d647378;

/** How long an opening waits, blocking, for another process that writes. */
const openTimeoutMs = 3000;

/** 64 MiB of pages kept in memory. */
const cacheKibibytes = 64 * 1024;

export interface Opened {
  database: DatabaseSync;
  /** Lets go of the file. */
  close: () => void;
}

/** @throws StoreError which says what is wrong with the file */
export function openDatabase(path: string): Opened {
  const inMemory = path === ':memory:';
  try {
    if (!inMemory) mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw new StoreError(
      `The folder of the database ${path} cannot be made: check its path and permissions`,
      {
        cause: error,
      },
    );
  }
  const release = inMemory ? () => undefined : holdAlone(path);
  try {
    const database = prepare(path);
    return {
      database,
      close: () => {
        database.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw asStoreError(error, path);
  }
}

/**
 * One manager a file: a second one would double its commits and keep its own counts. The lock is a transaction held on a file beside the
 * database, so that the system drops it when the process dies, and backup tools can still read the database itself.
 */
export function holdAlone(path: string): () => void {
  const lockPath = `${path}-manager`;
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(lockPath, { timeout: 0 });
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const held = lock;
    return () => held.close();
  } catch (error) {
    lock?.close();
    if (!isBusy(error)) throw asStoreError(error, lockPath);
    throw new StoreError(
      `The database ${path} is in use by another experiment manager; stop it, or give this one its own EXPERIMENT_DB_URL`,
      { cause: error },
    );
  }
}

function prepare(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: openTimeoutMs });
  try {
    refuseForeign(database, path);
    database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${cacheKibibytes}`,
    );
    migrate(database, path);
    // From here a busy database is waited for without blocking the process, see transactions.ts.
    database.exec('PRAGMA busy_timeout = 0');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function refuseForeign(database: DatabaseSync, path: string) {
  const id = pragma(database, 'application_id');
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
  if (id === applicationId || (id === 0 && tables === 0)) return;
  throw new StoreError(`The file ${path} belongs to another program; name another file in EXPERIMENT_DB_URL`);
}

function migrate(database: DatabaseSync, path: string) {
  const version = pragma(database, 'user_version');
  if (version > migrations.length) {
    const versions = `schema ${version}, this manager knows ${migrations.length}`;
    throw new StoreError(
      `The database ${path} was written by a newer manager (${versions}); upgrade this one`,
    );
  }
  // Also where no step is missing: a file that cannot be written is refused here, not at the first command.
  database.exec('BEGIN IMMEDIATE');
  for (const step of migrations.slice(version)) database.exec(step);
  if (version < migrations.length) {
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`);
  }
  database.exec('COMMIT');
}
