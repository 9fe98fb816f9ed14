/** Backups of the manager's database, whichever it is. */
import { resolve } from 'node:path';
import type { StoreSettings } from '../settings/load.ts';
import { createBackups, type Backups } from './backups.ts';
import type { Report } from './engine.ts';
import { mongoEngine } from './mongo.ts';
import { sqliteEngine } from './sqlite.ts';

export type { Backups } from './backups.ts';
export type { BackupEntry } from './shelf.ts';

/** The database that a command is about. */
export interface DatabaseTarget {
  store: StoreSettings;
  /** Name of the database, where the store is MongoDB. */
  database: string;
  /** Collection of the runs, where the store is MongoDB. */
  collection: string;
}

/**
 * @param folder where the backups lie; MADSci's place in the working folder where none is given
 * @throws BackupError where the database server does not answer
 */
export async function openBackups(
  { store, database, collection }: DatabaseTarget,
  folder: string | undefined,
  report: Report,
): Promise<Backups> {
  const engine =
    store.kind === 'sqlite'
      ? sqliteEngine(store.path)
      : await mongoEngine({ url: store.url, database, collection });
  return createBackups(engine, resolve(folder ?? engine.defaultFolder), report);
}
