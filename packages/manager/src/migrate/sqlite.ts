/** The schema of an SQLite file. The manager itself brings it up to date when it starts; this is for those who want to know or to decide. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Backups } from '../backup/index.ts';
import { migrations } from '../store/sqlite/migrations/index.ts';
import { openDatabase } from '../store/sqlite/open.ts';
import { MigrationError } from './errors.ts';
import type { MigrationReport } from './mongo.ts';

export const expectedSqliteVersion = migrations.length;

/** 0 where there is no file. */
export function sqliteVersion(path: string): number {
  if (!existsSync(path)) return 0;
  return reading(path, (database) => Number(database.prepare('PRAGMA user_version').get()?.['user_version']));
}

function reading<T>(path: string, read: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return read(database);
  } catch (error) {
    throw new MigrationError(`The database ${path} cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  } finally {
    database.close();
  }
}

const schemaOf = (database: DatabaseSync): Map<string, string> =>
  new Map(
    database
      .prepare(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .all()
      .map(({ name, sql }) => [String(name), String(sql)]),
  );

/** Names of tables and indexes that are missing, that nobody asked for, and that are defined otherwise. */
export function compareSqliteSchema(path: string) {
  const fresh = new DatabaseSync(':memory:');
  for (const step of migrations) fresh.exec(step);
  const expected = schemaOf(fresh);
  fresh.close();
  const found = existsSync(path) ? reading(path, schemaOf) : new Map<string, string>();
  return {
    missing: [...expected.keys()].filter((name) => !found.has(name)),
    extra: [...found.keys()].filter((name) => !expected.has(name)),
    different: [...expected]
      .filter(([name, sql]) => found.has(name) && found.get(name) !== sql)
      .map(([name]) => name),
  };
}

/** All steps happen in one transaction: where one fails, the file is as it was. */
export async function migrateSqlite(
  path: string,
  target: string,
  backups: Backups,
): Promise<MigrationReport> {
  const from = sqliteVersion(path);
  const to = String(expectedSqliteVersion);
  if (target !== to)
    throw new MigrationError(`There is no schema ${target} to migrate to; the only one is ${to}.`);
  const nothing = {
    from: String(from),
    to,
    backup: null,
    time_zone: null,
    collections: [],
    ambiguous: [],
    unreadable: [],
  };
  if (from === expectedSqliteVersion) return nothing;
  const backup = existsSync(path) ? await backups.create({ suffix: 'pre_migration' }) : null;
  openDatabase(path).close();
  const did = [`applied ${expectedSqliteVersion - from} steps`];
  return { ...nothing, backup, collections: [{ collection: path, did }] };
}
