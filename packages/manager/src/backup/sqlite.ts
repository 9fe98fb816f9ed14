/** Backups of an SQLite file: a copy of one moment, made while a manager may be writing. */
import { constants } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { DatabaseSync, backup } from 'node:sqlite';
import { holdAlone, applicationId } from '../store/sqlite/open.ts';
import { migrations } from '../store/sqlite/migrations/index.ts';
import { BackupError } from './errors.ts';
import type { Engine } from './engine.ts';
import type { Manifest } from './manifest.ts';
import { timestampOf } from './naming.ts';

/** All pages in one step: a copy in several starts again whenever somebody writes in between. */
const allPages = 2 ** 31 - 1;

/** How long, blocking, for another process that writes. */
const timeoutMs = 10_000;

const databaseName = (path: string) => basename(path, extname(path));

const exists = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined;

export function sqliteEngine(path: string): Engine {
  const database = databaseName(path);
  const target = (other?: string) => (other === undefined ? path : resolve(other));
  const copyIn = (folder: string, name = database) => join(folder, name, `${name}.sqlite`);

  return {
    kind: 'sqlite',
    database,
    defaultFolder: '.madsci/sqlite/backups',
    dump: async (folder) => {
      if (!(await exists(path))) throw new BackupError(`There is no database ${path}.`);
      const copy = copyIn(folder);
      await mkdir(dirname(copy), { recursive: true });
      await copyDatabase(path, copy);
      return inspect(copy);
    },
    tryOut: async (folder, manifest) => {
      const place = await mkdtemp(join(tmpdir(), 'backup-trial-'));
      try {
        const copy = join(place, 'trial.sqlite');
        await copyFile(copyIn(folder, manifest.database_name), copy, constants.COPYFILE_FICLONE);
        compare(inspect(copy), manifest);
      } finally {
        await rm(place, { recursive: true, force: true });
      }
    },
    hold: (other) => hold(target(other)),
    exists: (other) => exists(target(other)),
    keepDamaged: () => keepDamaged(path),
    replace: async (folder, manifest, other) => {
      const place = target(other);
      const copy = `${place}.restoring`;
      await copyFile(copyIn(folder, manifest.database_name), copy);
      compare(inspect(copy), manifest);
      await flush(copy);
      await settleLog(place);
      await rename(copy, place);
      await flush(dirname(place));
    },
    close: () => Promise.resolve(),
  };
}

async function copyDatabase(path: string, copy: string): Promise<void> {
  const source = new DatabaseSync(path, { readOnly: true, timeout: timeoutMs });
  try {
    await backup(source, copy, { rate: allPages });
  } catch (error) {
    throw new BackupError(`The database ${path} cannot be copied: ${(error as Error).message}.`, {
      cause: error,
    });
  } finally {
    source.close();
  }
  const made = new DatabaseSync(copy);
  // One file without a log beside it; the manager switches back when it opens it.
  made.exec('PRAGMA journal_mode = DELETE');
  made.close();
  await flush(copy);
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
}

async function hold(path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const release = holdAlone(path);
  return async () => release();
}

/**
 * Empties the write-ahead log of the database that is replaced. SQLite would apply a log that lies beside the new file to it.
 */
async function settleLog(path: string): Promise<void> {
  const log = `${path}-wal`;
  if (!(await exists(log))) return;
  try {
    const database = new DatabaseSync(path, { timeout: timeoutMs });
    database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE');
    database.close();
  } catch {
    // Too damaged; it was kept before.
  }
  await rm(log, { force: true });
  await rm(`${path}-shm`, { force: true });
}

async function keepDamaged(path: string): Promise<string> {
  const aside = `${path}.damaged_${timestampOf(new Date())}`;
  for (const part of ['', '-wal']) {
    if (await exists(path + part)) await copyFile(path + part, aside + part);
  }
  return aside;
}

type Facts = Required<Pick<Manifest, 'documents'>> & { database_version: string };

const integer = (row: Record<string, unknown> | undefined) => Number(Object.values(row ?? {})[0]);

/**
 * Reads a copy from end to end.
 *
 * @throws BackupError where it is damaged, or not a database of the experiment manager
 */
function inspect(copy: string): Facts {
  const fault = (what: string, cause?: unknown) => new BackupError(`The copy ${what}.`, { cause });
  const database = new DatabaseSync(copy, { readOnly: true });
  try {
    const ask = (sql: string) => integer(database.prepare(sql).get());
    if (ask('PRAGMA application_id') !== applicationId) {
      throw fault('is no database of the experiment manager');
    }
    const version = ask('PRAGMA user_version');
    if (version > migrations.length)
      throw fault(`has schema ${version}, this manager knows ${migrations.length}`);
    const found = database.prepare('PRAGMA integrity_check(1)').get();
    if (found?.['integrity_check'] !== 'ok') throw fault(`is damaged: ${String(found?.['integrity_check'])}`);
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all();
    const names = tables.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'));
    const documents: Record<string, number> = {};
    for (const name of names) documents[name] = ask(`SELECT count(*) FROM "${name}"`);
    return { database_version: String(version), documents };
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw fault(`cannot be read: ${(error as Error).message}`, error);
  } finally {
    database.close();
  }
}

function compare({ documents }: Facts, manifest: Manifest) {
  for (const [table, rows] of Object.entries(manifest.documents ?? {})) {
    if (documents[table] === rows) continue;
    throw new BackupError(`The copy holds ${documents[table] ?? 0} rows of ${table} instead of ${rows}.`);
  }
}
