/** Connects to the database and makes sure that its documents are ours. */
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient, MongoError, type Db, type MongoClientOptions } from 'mongodb';
import { StoreError } from '../store.ts';
import { asStoreError, isDuplicate, isRefusal } from './errors.ts';
import {
  connectTimeoutMs,
  heartbeatFrequencyMs,
  maxPoolSize,
  openTimeoutMs,
  operationTimeoutMs,
  serverSelectionTimeoutMs,
  waitQueueTimeoutMs,
} from './limits.ts';
import { databaseVersion, recordVersion, schemaVersion, versionsCollection } from './versions.ts';

export interface MongoPlace {
  url: string;
  database: string;
  /** Of the runs; the others are named after it. */
  collection: string;
}

export interface Connected {
  client: MongoClient;
  database: Db;
  /** Names the database in messages: hosts, no secret. */
  where: string;
  /** Whether a change of one document is atomic; not so on FerretDB 1. */
  isAtomic: boolean;
}

/** What the URL does not say. Its own options win, but for the write concern: acknowledged is on the disks of a majority. */
const options: MongoClientOptions = {
  appName: 'madsci-experiments',
  writeConcern: { w: 'majority', journal: true },
  retryWrites: true, // The driver does so only where the server can: on a replica set or sharded cluster.
  retryReads: true,
  serverSelectionTimeoutMS: serverSelectionTimeoutMs,
  connectTimeoutMS: connectTimeoutMs,
  socketTimeoutMS: operationTimeoutMs,
  waitQueueTimeoutMS: waitQueueTimeoutMs,
  heartbeatFrequencyMS: heartbeatFrequencyMs,
  maxPoolSize,
};

/**
 * Waits for the database for `timeoutMs`, by default 30 s.
 *
 * @param socketTimeoutMS after this a call that the server does not answer is given up
 * @throws StoreError which says what is wrong, without secrets
 */
export async function connect(
  place: MongoPlace,
  timeoutMs = openTimeoutMs,
  socketTimeoutMS = operationTimeoutMs,
): Promise<Connected> {
  const client = createClient(place.url, { ...options, socketTimeoutMS });
  const where = hostsOf(client);
  try {
    await reach(client, where, timeoutMs);
    const database = client.db(place.database);
    return { client, database, where, isAtomic: await isAtomic(database) };
  } catch (error) {
    await client.close();
    throw asStoreError(error, where);
  }
}

function createClient(url: string, settings: MongoClientOptions): MongoClient {
  try {
    return new MongoClient(url, settings);
  } catch (error) {
    throw new StoreError(
      'The MongoDB URL in EXPERIMENT_DB_URL cannot be read; it must be like mongodb://user:password@host:27017/?authSource=admin',
      { cause: new Error(error instanceof Error ? error.name : 'unknown') },
    );
  }
}

const hostsOf = ({ options: { hosts, srvHost } }: MongoClient): string =>
  srvHost ?? hosts.map((host) => host.toString()).join(',');

async function reach(client: MongoClient, where: string, timeoutMs: number) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await client.connect();
      await client.db('admin').command({ ping: 1 });
      return;
    } catch (error) {
      if (isRefusal(error) || !(error instanceof MongoError)) throw error;
      if (performance.now() > deadline) {
        throw new StoreError(
          `The database at ${where} did not answer within ${timeoutMs / 1000} s; start it, or correct EXPERIMENT_DB_URL`,
        );
      }
    }
    await delay(200);
  }
}

async function isAtomic(database: Db): Promise<boolean> {
  const info = await database.command({ buildInfo: 1 });
  const ferret = info['ferretdb'] as { version?: string } | undefined;
  const version = (info['ferretdbVersion'] as string | undefined) ?? ferret?.version;
  // A FerretDB of unknown version is taken for one of those that are not.
  return version === undefined || /^v?[2-9]/.test(version);
}

/** A new database gets our version; any other than ours is refused. @throws StoreError */
export async function checkVersion(database: Db): Promise<void> {
  const found = await databaseVersion(database);
  if (found === schemaVersion) return;
  if (found === undefined || (await isBeingInitialised(database))) {
    await recordVersion(database, schemaVersion, 'Initialised by the experiment manager').catch(
      (error: unknown) => {
        if (!isDuplicate(error)) throw error; // Another manager was faster.
      },
    );
    return;
  }
  const versions = `needs database version ${schemaVersion}, but the database ${database.databaseName} has version ${found}`;
  throw new StoreError(
    isNewer(found)
      ? `This manager ${versions}, written by a newer manager; upgrade this one`
      : `This manager ${versions}; stop every manager that uses it and run: madsci-experiments migrate --database ${database.databaseName}`,
  );
}

/** Another manager has just begun: nothing but the collection of versions, still empty. */
async function isBeingInitialised(database: Db): Promise<boolean> {
  const collections = await database.listCollections({}, { nameOnly: true }).toArray();
  const others = collections.filter(({ name }) => name !== versionsCollection && !name.startsWith('system.'));
  if (others.length > 0) return false;
  return (await database.collection(versionsCollection).findOne()) === null;
}

const isNewer = (version: string) => version.localeCompare(schemaVersion, 'en', { numeric: true }) > 0;
