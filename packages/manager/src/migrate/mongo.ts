/** Migrates a MongoDB database between MADSci's version and this manager's. */
import { MongoClient, type Db } from 'mongodb';
import type { Backups } from '../backup/backups.ts';
import { refuseManagers } from '../backup/mongo-presence.ts';
import { historyEntry, type Attribution } from '../store/store.ts';
import { isDuplicate } from '../store/mongo/errors.ts';
import { collectionsOf, historyId } from '../store/mongo/names.ts';
import {
  beginChange,
  beingRestored,
  betweenVersions,
  databaseVersion,
  endChange,
  madsciSchemaVersion,
  recordVersion,
  schemaVersion,
  versionsCollection,
} from '../store/mongo/versions.ts';
import { convertRuns, type Converted } from './convert.ts';
import { MigrationError } from './errors.ts';
import { isMadsci, toMadsci, toOurs, type RunChange, type StoredRun } from './run-changes.ts';
import { dropHarmfulIndex, ensureSchema, harmfulIndex, type DatabaseSchema } from './schema.ts';
import { finish, letGo, note, takeOver, type Underway } from './underway.ts';
import { checkClock } from './clock-check.ts';
import { checkZone } from './zoned-times.ts';

export interface MongoMigration {
  db: Db;
  /** Collection of the runs. */
  collection: string;
  target: string;
  schema: DatabaseSchema;
  backups: Backups;
  /** Zone of the clock that MADSci's times are from. */
  zone: string | undefined;
  /** Asked where the zone is needed and not given; resolves to undefined where nobody can answer. */
  askZone: () => Promise<string | undefined>;
  /** Whether a zone is taken that the runs' ids contradict. */
  trustZone: boolean;
  report: (message: string) => void;
  onProgress: (done: number, total: number, doing: string) => void;
}

/** What was done to one collection. */
interface CollectionReport {
  collection: string;
  did: string[];
}

export interface MigrationReport {
  from: string | null;
  to: string;
  /** Null where nothing had to be done. */
  backup: string | null;
  time_zone: string | null;
  collections: CollectionReport[];
  /** Ids of runs with a time that the clock showed twice, when it was put back. */
  ambiguous: string[];
  /** Ids of runs with a field that was left as it is, because it could not be read. */
  unreadable: string[];
}

const connectTimeoutMs = 10_000;

/** @throws MigrationError where the server does not answer; the message holds no password */
export async function connect(url: string): Promise<MongoClient> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: connectTimeoutMs });
  try {
    return await client.connect();
  } catch (error) {
    await client.close();
    throw new MigrationError(`The database server does not answer: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/**
 * Backs up, converts, and records the version last. May be killed at any point and run again. Restores the backup when a step fails.
 *
 * @throws MigrationError, BackupError
 */
export async function migrateMongo(migration: MongoMigration): Promise<MigrationReport> {
  const { db, target } = migration;
  if (![schemaVersion, madsciSchemaVersion].includes(target)) {
    throw new MigrationError(
      `There is no version ${target} to migrate to; there are ${schemaVersion}, and ${madsciSchemaVersion} to go back to MADSci.`,
    );
  }
  const from = await databaseVersion(db);
  if (from === target) return nothingDone(target);
  if (from === undefined) return initialise(migration);
  if (from !== undefined && ![betweenVersions, madsciSchemaVersion, schemaVersion].includes(from)) {
    throw new MigrationError(
      `The database has version ${from}, which this manager does not know; use a newer one.`,
    );
  }
  await refuseHalfRestored(db);
  const underway = await takeOver(db, target, from === betweenVersions);
  const prepared = await prepare(migration, underway).catch(async (error: unknown) => {
    // Nothing was changed by this attempt; what an earlier one left needs its notes.
    await (underway.zone === null ? finish(db) : letGo(db));
    throw error;
  });
  try {
    const converted = await convert(migration, underway, prepared.zone);
    await finish(db);
    return { ...converted, from: from ?? null, backup: prepared.backup, time_zone: prepared.zone };
  } catch (error) {
    await restoreAfter(migration, prepared.backup, error);
    throw error;
  }
}

async function refuseHalfRestored(db: Db): Promise<void> {
  const record = await db.collection(versionsCollection).findOne({ version: betweenVersions });
  const notes = String(record?.['migration_notes'] ?? '');
  if (notes.startsWith(beingRestored))
    throw new MigrationError(`Restoring a backup was interrupted. ${notes}.`);
}

async function prepare(migration: MongoMigration, underway: Underway) {
  await refuseManagers(migration.db, migration.collection);
  const zone = await zoneFor(migration, underway);
  const backup = await backUpOnce(migration, underway);
  await note(migration.db, { zone, backup });
  return { zone, backup };
}

/** An empty database needs no conversion. */
async function initialise({ db, schema, target }: MongoMigration): Promise<MigrationReport> {
  if (target !== schemaVersion)
    throw new MigrationError('The database is empty: there is nothing to give back to MADSci.');
  const made = await ensureSchema(db, schema);
  await recordVersion(db, target, 'Initialised by madsci-experiments');
  const collections = [...made.keys()].map((collection) => ({ collection, did: ['made'] }));
  return { ...nothingDone(target), from: null, collections };
}

const nothingDone = (version: string): MigrationReport => ({
  from: version,
  to: version,
  backup: null,
  time_zone: null,
  collections: [],
  ambiguous: [],
  unreadable: [],
});

/** A migration that goes on uses the zone that it began with. */
async function zoneFor(migration: MongoMigration, underway: Underway): Promise<string> {
  const { db, collection, trustZone } = migration;
  if (underway.zone !== null && migration.zone !== undefined && underway.zone !== checkZone(migration.zone)) {
    throw new MigrationError(
      `The interrupted migration used the time zone ${underway.zone}, some runs are converted so; go on with it, or restore its backup ${underway.backup ?? ''} first.`,
    );
  }
  const given = underway.zone ?? migration.zone ?? (await migration.askZone());
  if (given === undefined) {
    throw new MigrationError(
      'MADSci stores times without a time zone. Say which zone its server had, for example --time-zone America/Chicago.',
    );
  }
  const zone = checkZone(given);
  if (underway.zone === null && !trustZone) await checkClock(db.collection(collection), zone);
  return zone;
}

/** The backup of a migration that goes on is the one from before it began. */
async function backUpOnce({ backups }: MongoMigration, underway: Underway): Promise<string> {
  if (underway.backup !== null) {
    const kept = await backups.validate(underway.backup).catch(() => undefined);
    if (kept !== undefined) return kept;
  }
  return backups.create({ suffix: 'pre_migration' });
}

async function convert(migration: MongoMigration, underway: Underway, zone: string) {
  const { db, collection, target } = migration;
  const toMadsciAgain = target === madsciSchemaVersion;
  await beginChange(db, `Being migrated to ${target}; run migrate again`);
  const dropped = !toMadsciAgain && (await dropHarmfulIndex(db, collection));
  const converted = await convertAll(migration, underway, zone);
  const made = toMadsciAgain ? new Map<string, string[]>() : await ensureSchema(db, migration.schema);
  await recordVersion(db, target, `Migrated by madsci-experiments, time zone ${zone}`);
  await endChange(db);
  const reports = new Map(
    [...made].map(([name, indexes]) => [name, indexes.map((index) => `made index ${index}`)]),
  );
  const runs = [
    `${converted.changed} of ${converted.runs} runs converted`,
    ...(dropped ? [`dropped index ${harmfulIndex}`] : []),
  ];
  reports.set(collection, [...runs, ...(reports.get(collection) ?? [])]);
  reports.set(versionsCollection, [...(reports.get(versionsCollection) ?? []), `recorded ${target}`]);
  return {
    to: target,
    collections: [...reports].map(([name, did]) => ({ collection: name, did })),
    ambiguous: converted.ambiguous,
    unreadable: converted.unreadable,
  };
}

function convertAll(
  { db, collection, target, onProgress }: MongoMigration,
  underway: Underway,
  zone: string,
): Promise<Converted> {
  const toMadsciAgain = target === madsciSchemaVersion;
  return convertRuns(db.collection(collection), {
    pending: (run) => isMadsci(run) !== toMadsciAgain,
    change: (run) => (toMadsciAgain ? toMadsci(run, zone) : toOurs(run, zone, underway.begun)),
    keepHistory: (changes) => keepHistory(db, collection, changes),
    onProgress: async (done, total) => {
      onProgress(done, total, 'Converting runs');
      await note(db);
    },
  });
}

/** An entry that is there already was kept by an attempt that was interrupted. */
async function keepHistory(db: Db, collection: string, changes: { run: StoredRun; change: RunChange }[]) {
  const documents = changes.flatMap(({ run, change }) =>
    change.history.map((entry) => ({
      _id: historyId(String(run._id), entry.sequence),
      run: String(run._id),
      sequence: entry.sequence,
      entry: JSON.stringify(historyEntry(entry as Attribution, entry)),
    })),
  );
  if (documents.length === 0) return;
  await collectionsOf(db, collection)
    .history.insertMany(documents, { ordered: false })
    .catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
    });
}

async function restoreAfter(
  { backups, report }: MongoMigration,
  backup: string,
  error: unknown,
): Promise<void> {
  report(`The migration failed (${(error as Error).message}); restoring ${backup}`);
  try {
    await backups.putBack(backup);
  } catch (second) {
    throw new MigrationError(
      `The migration failed (${(error as Error).message}), and so did restoring its backup (${(second as Error).message}). Restore it by hand: madsci-experiments backup restore ${backup}`,
      { cause: error },
    );
  }
  report('The database is as it was before');
}
