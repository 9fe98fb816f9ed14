/** Making, trying, restoring and deleting backups, whatever the kind of the database. */
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Engine, Report } from './engine.ts';
import { BackupError } from './errors.ts';
import { readManifest, writeManifest, type Manifest } from './manifest.ts';
import { backupName } from './naming.ts';
import { createShelf } from './shelf.ts';

export interface BackupOptions {
  suffix?: string;
  /** Default: true. */
  validate?: boolean;
  /** A backup that is not rotated away, by its path. */
  spare?: string;
}

export type Backups = ReturnType<typeof createBackups>;

/** @param folder where the backups lie, absolute */
export function createBackups(engine: Engine, folder: string, report: Report) {
  const shelf = createShelf(engine, folder);

  async function create({ suffix, validate = true, spare }: BackupOptions = {}): Promise<string> {
    const started = new Date();
    const name = backupName(engine.database, started, suffix);
    const unfinished = await shelf.begin();
    try {
      report(`Backing up ${engine.database}`);
      const facts = await engine.dump(unfinished);
      const own = { database_name: engine.database, backup_type: engine.kind };
      const manifest = await writeManifest(unfinished, {
        timestamp: started.toISOString(),
        ...own,
        ...facts,
      });
      if (validate) await tryOut(unfinished, manifest);
      const path = await shelf.giveName(unfinished, name);
      await shelf.rotate([path, spare ?? path], report);
      report(`Backup ${path}`);
      return path;
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
  }

  async function tryOut(path: string, manifest: Manifest): Promise<void> {
    report('Trying it out');
    await engine.tryOut(path, manifest);
  }

  const { restore, putBack } = createRestore(engine, shelf, create, report);
  return {
    folder,
    create,
    list: shelf.list,
    locate: shelf.locate,
    /** Resolves to the path of a backup that can be restored. */
    validate: async (nameOrPath: string): Promise<string> => {
      const path = await shelf.locate(nameOrPath);
      await tryOut(path, await shelf.check(path));
      return path;
    },
    restore,
    putBack,
    /** Resolves to the path that it had. */
    delete: async (nameOrPath: string): Promise<string> => {
      const path = await shelf.locate(nameOrPath);
      await readManifest(path);
      await rm(path, { recursive: true });
      return path;
    },
    close: () => engine.close(),
  };
}

function createRestore(
  engine: Engine,
  shelf: ReturnType<typeof createShelf>,
  create: (options: BackupOptions) => Promise<string>,
  report: Report,
) {
  async function safetyCopy(restored: string): Promise<string> {
    try {
      return await create({ suffix: 'pre_restore', spare: restored });
    } catch (error) {
      const aside = await engine.keepDamaged?.();
      if (aside === undefined) throw error;
      report(`The database cannot be backed up (${(error as Error).message}); it is kept as ${aside}`);
      return aside;
    }
  }

  return {
    /** Resolves to the path of the safety copy of what was there before, if there was anything. */
    restore: async (nameOrPath: string, targetDatabase?: string): Promise<string | undefined> => {
      const path = await shelf.locate(nameOrPath);
      const manifest = await shelf.check(path);
      const release = await engine.hold(targetDatabase);
      try {
        const isThere = await engine.exists(targetDatabase);
        if (isThere && targetDatabase !== undefined) {
          throw new BackupError(`The database ${targetDatabase} exists; name one that does not.`);
        }
        const safety = isThere ? await safetyCopy(path) : undefined;
        report(`Restoring ${basename(path)}`);
        await engine.replace(path, manifest, targetDatabase);
        return safety;
      } finally {
        await release();
      }
    },
    /** Restores the backup without keeping what is there now: for a change that failed half way. */
    putBack: async (path: string): Promise<void> => {
      const manifest = await shelf.check(path);
      const release = await engine.hold();
      try {
        await engine.replace(path, manifest);
      } finally {
        await release();
      }
    },
  };
}
