/** Backups of a MongoDB database, in mongodump's own form. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MongoClient, type Db } from 'mongodb';
import type { Engine } from './engine.ts';
import { BackupError } from './errors.ts';
import type { Manifest } from './manifest.ts';
import { reconcileHistory } from './mongo-history.ts';
import { countDocuments, createIndexes } from './mongo-files.ts';
import { refuseManagers } from './mongo-presence.ts';
import { runMongoTool } from './mongo-tools.ts';
import { collectionNames as namesOf } from '../store/mongo/names.ts';
import {
  beginChange,
  beingRestored,
  underwayCollection,
  versionsCollection,
} from '../store/mongo/versions.ts';

export interface MongoTarget {
  url: string;
  database: string;
  /** Collection of the runs. */
  collection: string;
}

/** How long to wait for the database. */
const connectTimeoutMs = 10_000;

/** Before the names of collections that are about to take the place of others. */
const sidePrefix = 'restoring_';

/** The error codes of "not implemented" and of an unknown option. */
const unsupported = [238, 72, 40415];

/** Connects at once. Rejects with a BackupError that names the fault and not the password. */
export async function mongoEngine(target: MongoTarget): Promise<Engine> {
  const { url, database, collection } = target;
  const client = new MongoClient(url, { serverSelectionTimeoutMS: connectTimeoutMs });
  const db = client.db(database);
  await db.command({ ping: 1 }).catch(async (error: unknown) => {
    await client.close();
    throw new BackupError(`The database server does not answer: ${(error as Error).message}.`, {
      cause: error,
    });
  });
  const dataOf = (folder: string, { database_name }: Manifest) => join(folder, database_name);

  return {
    kind: 'mongodb',
    database,
    defaultFolder: '.madsci/mongodb/backups',
    dump: async (folder) => {
      const names = (await collectionNames(db)).filter((name) => !derived(collection).includes(name));
      if (names.length === 0)
        throw new BackupError(`The database ${database} is empty: there is nothing to back up.`);
      for (const name of inOrder(names, collection)) {
        await runMongoTool('mongodump', url, ['--db', database, '--collection', name, '--out', folder]);
      }
      const documents = await countFiles(join(folder, database));
      return { documents, database_version: await newestVersion(db), collection_name: collection };
    },
    tryOut: async (folder, manifest) => {
      const name = `test_restore_${Date.now()}_${process.pid}`;
      const trial = client.db(name);
      try {
        await load(url, dataOf(folder, manifest), manifest.database_name, name, '');
        await compare(trial, dataOf(folder, manifest), '');
      } finally {
        await trial.dropDatabase();
      }
    },
    hold: async (other) => {
      await refuseManagers(client.db(other ?? database), collection);
      return () => Promise.resolve();
    },
    exists: async (other) => (await collectionNames(client.db(other ?? database))).length > 0,
    replace: async (folder, manifest, other) => {
      const place = client.db(other ?? database);
      const data = dataOf(folder, manifest);
      await loadBeside(url, place, data, manifest, manifest.collection_name ?? collection).catch(
        async (error: unknown) => {
          await dropSides(place);
          throw error;
        },
      );
      await beginChange(place, `${beingRestored} from ${basename(folder)}; run backup restore again`);
      await swap(place, await backedUp(data));
    },
    close: () => client.close(),
  };
}

/** The whole backup, complete and verified, in collections of other names in the same database. */
async function loadBeside(
  url: string,
  place: Db,
  data: string,
  { database_name }: Manifest,
  runs: string,
): Promise<void> {
  await dropSides(place);
  await load(url, data, database_name, place.databaseName, sidePrefix);
  await compare(place, data, sidePrefix);
  await reconcileHistory(place, sidePrefix + runs);
  for (const name of await backedUp(data)) {
    await createIndexes(place.collection(sidePrefix + name), join(data, `${name}.metadata.json`));
  }
}

/** What managers count and say of themselves: made anew by the next one that starts. */
function derived(collection: string): string[] {
  const { managers, turns, counters } = namesOf(collection);
  return [managers, turns, counters];
}

/** The collections that hold something of the laboratory. */
async function collectionNames(db: Db): Promise<string[]> {
  const found = await db.listCollections({}, { nameOnly: true }).toArray();
  return found
    .map(({ name }) => name)
    .filter(
      (name) => !name.startsWith('system.') && !name.startsWith(sidePrefix) && name !== underwayCollection,
    );
}

/**
 * Collections in the order in which they are dumped, one after the other. A run's document is one write, and what is moved out of it arrives
 * elsewhere first: so runs are copied before their history and events, which then hold at least what the runs count. Outcomes of keys are
 * copied before the runs: a key without an outcome is looked up in its run, an outcome without a run would promise one that is not there.
 */
function inOrder(names: string[], collection: string): string[] {
  const first = [`${collection}_once`, collection].filter((name) => names.includes(name));
  const rest = names.filter((name) => !first.includes(name)).toSorted();
  return [...first, ...rest];
}

async function backedUp(data: string): Promise<string[]> {
  const files = await readdir(data);
  return files.filter((name) => name.endsWith('.bson')).map((name) => name.slice(0, -'.bson'.length));
}

async function countFiles(data: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of await backedUp(data)) counts[name] = await countDocuments(join(data, `${name}.bson`));
  return counts;
}

/** Indexes are made by us: mongorestore sends an option with them that FerretDB refuses. */
async function load(url: string, data: string, from: string, to: string, prefix: string): Promise<void> {
  const names = ['--nsInclude', `${from}.*`, '--nsFrom', `${from}.*`, '--nsTo', `${to}.${prefix}*`];
  await runMongoTool('mongorestore', url, [
    ...names,
    '--noIndexRestore',
    '--stopOnError',
    '--dir',
    join(data, '..'),
  ]);
}

async function compare(db: Db, data: string, prefix: string): Promise<void> {
  for (const [name, expected] of Object.entries(await countFiles(data))) {
    const found = await db.collection(prefix + name).countDocuments();
    if (found === expected) continue;
    throw new BackupError(
      `Restored to a place of its own, ${name} has ${found} documents instead of ${expected}.`,
    );
  }
}

async function dropSides(db: Db): Promise<void> {
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
    if (name.startsWith(sidePrefix)) await db.dropCollection(name);
  }
}

/** The version record goes last: until then a manager refuses the database. */
async function swap(db: Db, restored: string[]): Promise<void> {
  const others = restored.filter((name) => name !== versionsCollection);
  const surplus = (await collectionNames(db)).filter(
    (name) => !restored.includes(name) && name !== versionsCollection,
  );
  for (const name of others) await rename(db, sidePrefix + name, name);
  for (const name of surplus) await db.dropCollection(name);
  if (restored.includes(versionsCollection))
    await rename(db, sidePrefix + versionsCollection, versionsCollection);
  else await db.dropCollection(versionsCollection);
  await db.dropCollection(underwayCollection);
}

async function rename(db: Db, from: string, to: string): Promise<void> {
  try {
    await db.collection(from).rename(to, { dropTarget: true });
  } catch (error) {
    if (!unsupported.includes((error as { code?: number }).code ?? 0)) throw error;
    await db.dropCollection(to);
    await db.collection(from).rename(to);
  }
}

async function newestVersion(db: Db): Promise<string | null> {
  const [record] = await db.collection(versionsCollection).find().sort({ applied_at: -1 }).limit(1).toArray();
  return typeof record?.['version'] === 'string' ? record['version'] : null;
}
