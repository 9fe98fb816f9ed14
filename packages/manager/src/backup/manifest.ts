/**
 * What a backup says of itself: `backup_metadata.json` and `backup.checksum`, under MADSci's names and with its fields, so that either
 * side lists and restores the other's backups. `files` and `documents` are ours: they tell which file is damaged, and how.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BackupError } from './errors.ts';

const metadataFile = 'backup_metadata.json';
const checksumFile = 'backup.checksum';

export type BackupKind = 'sqlite' | 'mongodb';

export interface Manifest {
  /** When the backup was begun. */
  timestamp: string;
  database_version: string | null;
  backup_size: number;
  /** SHA-256 over the data files, one after the other in the order of their names. */
  checksum: string;
  database_name: string;
  collections_count: number;
  backup_type?: BackupKind;
  /** The collection of the runs, where the store is MongoDB. */
  collection_name?: string;
  /** Every file of the backup by its name. */
  files?: Record<string, { bytes: number; sha256: string }>;
  /** Documents, or rows, by collection or table. */
  documents?: Record<string, number>;
}

const isData = (name: string) => name.endsWith('.bson') || name.endsWith('.sqlite');

async function dataFolder(folder: string, database: string): Promise<string[]> {
  const names: string[] = await readdir(join(folder, database)).catch(() => []);
  return names.toSorted();
}

async function hashInto(hashes: ReturnType<typeof createHash>[], path: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    for (const hash of hashes) hash.update(chunk);
  }
  return bytes;
}

/** Sizes and checksums of what lies in the backup's folder now. */
async function measure(folder: string, database: string) {
  const all = createHash('sha256');
  const files: NonNullable<Manifest['files']> = {};
  for (const name of await dataFolder(folder, database)) {
    const own = createHash('sha256');
    const bytes = await hashInto(isData(name) ? [own, all] : [own], join(folder, database, name));
    files[name] = { bytes, sha256: own.digest('hex') };
  }
  return { files, checksum: all.digest('hex') };
}

export type ManifestFacts = Pick<
  Manifest,
  'database_name' | 'database_version' | 'timestamp' | 'documents' | 'collection_name'
> & { backup_type: BackupKind };

/** Measures the data in the folder and writes both files beside it. */
export async function writeManifest(folder: string, facts: ManifestFacts): Promise<Manifest> {
  const { files, checksum } = await measure(folder, facts.database_name);
  const backup_size = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
  const collections_count = Object.keys(files).filter(isData).length;
  const manifest: Manifest = { ...facts, backup_size, checksum, collections_count, files };
  await writeFile(join(folder, metadataFile), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  await writeFile(join(folder, checksumFile), checksum, { flush: true });
  return manifest;
}

/** @throws BackupError where the folder is no backup */
export async function readManifest(folder: string): Promise<Manifest> {
  const name = basename(folder);
  const text = await readFile(join(folder, metadataFile), 'utf8').catch(() => {
    throw new BackupError(`${folder} is no backup: it has no ${metadataFile}.`);
  });
  try {
    const manifest = JSON.parse(text) as Partial<Manifest>;
    if (typeof manifest.checksum === 'string' && typeof manifest.database_name === 'string') {
      return manifest as Manifest;
    }
  } catch {
    // Told below.
  }
  throw new BackupError(`The backup ${name} is damaged: its ${metadataFile} cannot be read.`);
}

/**
 * Compares every file with what was recorded when the backup was made.
 *
 * @throws BackupError that names the file and how it differs
 */
export async function verifyFiles(folder: string, manifest: Manifest): Promise<void> {
  const damaged = (what: string) => new BackupError(`The backup ${basename(folder)} is damaged: ${what}.`);
  for (const [name, { bytes }] of Object.entries(manifest.files ?? {})) {
    const found = await stat(join(folder, manifest.database_name, name)).catch(() => undefined);
    if (found === undefined) throw damaged(`${name} is missing`);
    if (found.size !== bytes) {
      const how = found.size < bytes ? 'truncated' : 'longer than it was';
      throw damaged(`${name} is ${how}, it has ${found.size} bytes instead of ${bytes}`);
    }
  }
  const now = await measure(folder, manifest.database_name);
  for (const [name, { sha256 }] of Object.entries(manifest.files ?? {})) {
    if (now.files[name]?.sha256 !== sha256) throw damaged(`the SHA-256 checksum of ${name} differs`);
  }
  if (!Object.keys(now.files).some(isData)) throw damaged('it holds no data');
  const kept = await readFile(join(folder, checksumFile), 'utf8').catch(() => '');
  if (now.checksum !== manifest.checksum) throw damaged('the SHA-256 checksum of its data differs');
  if (kept.trim() !== manifest.checksum) throw damaged(`${checksumFile} differs from ${metadataFile}`);
}
