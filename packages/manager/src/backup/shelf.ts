/** The folder in which the backups of one database lie. */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Engine, Report } from './engine.ts';
import { BackupError } from './errors.ts';
import { readManifest, verifyFiles, type Manifest } from './manifest.ts';
import { isBackupOf } from './naming.ts';

/** As many backups of a database are kept as MADSci keeps. */
const maxBackups = 10;

/** What a killed backup leaves is removed by the next one after this. */
const abandonedMs = 24 * 3_600_000;

export interface BackupEntry {
  name: string;
  /** Absolute. */
  path: string;
  created_at: string;
  bytes: number;
  checksum: string;
  valid: boolean;
  /** Why it is not valid. */
  fault: string | null;
}

const prefix = '.unfinished-';

export function createShelf({ kind, database }: Pick<Engine, 'kind' | 'database'>, folder: string) {
  /** Names begin with their time, so that their order is their age. */
  async function namesOldestFirst(): Promise<string[]> {
    const names: string[] = await readdir(folder).catch(() => []);
    return names.filter((name) => isBackupOf(name, database)).toSorted();
  }

  /** The manifest of a backup of this database whose files are as they were written. */
  async function check(path: string): Promise<Manifest> {
    const manifest = await readManifest(path);
    const { backup_type: itsKind = 'mongodb', database_name: itsDatabase } = manifest;
    if (itsKind !== kind || itsDatabase !== database) {
      throw new BackupError(
        `${basename(path)} is a backup of the ${itsKind} database ${itsDatabase}, not of the ${kind} database ${database}.`,
      );
    }
    await verifyFiles(path, manifest);
    return manifest;
  }

  return {
    folder,
    check,
    /** A new folder for a backup; it gets its name when it is complete. */
    begin: async (): Promise<string> => {
      await mkdir(folder, { recursive: true });
      await removeAbandoned(folder);
      return mkdtemp(join(folder, prefix));
    },
    /** Two backups within one second get a number. */
    giveName: async (unfinished: string, name: string): Promise<string> => {
      for (let number = 1; ; number++) {
        const path = join(folder, number === 1 ? name : `${name}_${number}`);
        if ((await stat(path).catch(() => undefined)) !== undefined) continue;
        await rename(unfinished, path);
        return path;
      }
    },
    /** Newest first, each with its checksums compared. */
    list: async (): Promise<BackupEntry[]> =>
      Promise.all((await namesOldestFirst()).toReversed().map((name) => entryOf(join(folder, name), check))),
    /** A backup by its name in the folder, or by its path. */
    locate: async (nameOrPath: string): Promise<string> => {
      for (const path of [resolve(nameOrPath), join(folder, nameOrPath)]) {
        if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return path;
      }
      throw new BackupError(`There is no backup ${nameOrPath}, neither there nor in ${folder}.`);
    },
    /** Removes the oldest, but for those `spared` by path. */
    rotate: async (spared: string[], report: Report): Promise<void> => {
      const names = await namesOldestFirst();
      const surplus = names.slice(0, Math.max(0, names.length - maxBackups));
      for (const name of surplus.filter((each) => !spared.includes(join(folder, each)))) {
        await rm(join(folder, name), { recursive: true, force: true });
        report(`Removed the old backup ${name}: the newest ${maxBackups} are kept`);
      }
    },
  };
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((each) => each.startsWith(prefix))) {
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > abandonedMs) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function entryOf(path: string, check: (path: string) => Promise<Manifest>): Promise<BackupEntry> {
  const manifest = await readManifest(path).catch(() => undefined);
  const fault = await check(path).then(
    () => null,
    (error: unknown) => (error as Error).message,
  );
  return {
    name: basename(path),
    path,
    created_at: manifest?.timestamp ?? '',
    bytes: manifest?.backup_size ?? 0,
    checksum: manifest?.checksum ?? '',
    valid: fault === null,
    fault,
  };
}
