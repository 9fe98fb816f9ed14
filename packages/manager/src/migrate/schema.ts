/** Which collections and indexes a database has, in the form of MADSci's schema.json. */
import { readFile } from 'node:fs/promises';
import type { Db, IndexDescription } from 'mongodb';
import { collectionNames } from '../store/mongo/names.ts';
import { schemaVersion } from '../store/mongo/versions.ts';
import { MigrationError } from './errors.ts';

interface IndexDefinition {
  name: string;
  keys: [string, 1 | -1][];
  unique?: boolean;
  sparse?: boolean;
}

export interface DatabaseSchema {
  schema_version: string;
  collections: Record<string, { indexes?: IndexDefinition[] }>;
}

/** By collection, what is missing, what nobody asked for, and what is defined otherwise. */
export interface SchemaDifferences {
  missing_collections: string[];
  extra_collections: string[];
  collection_differences: Record<
    string,
    { missing_indexes: string[]; extra_indexes: string[]; different_indexes: string[] }
  >;
}

/** Of MADSci 0.6.1: unique over a field that its documents lack, so that MongoDB refuses the second run. */
export const harmfulIndex = 'experiment_id_1';

/** What this manager keeps, the runs in `runs`: the indexes that its store makes. */
export function ownSchema(runs: string): DatabaseSchema {
  const names = collectionNames(runs);
  return {
    schema_version: schemaVersion,
    collections: {
      [names.runs]: { indexes: runIndexes },
      [names.history]: {
        indexes: [
          {
            name: 'run_sequence',
            keys: [
              ['run', 1],
              ['sequence', 1],
            ],
          },
        ],
      },
      [names.once]: { indexes: [{ name: 'at', keys: [['at', 1]] }] },
      [names.campaigns]: { indexes: [{ name: 'position_unique', keys: [['position', 1]], unique: true }] },
      [names.versions]: {
        indexes: [
          { name: 'version_unique', keys: [['version', 1]], unique: true },
          { name: 'applied_at_desc', keys: [['applied_at', -1]] },
        ],
      },
    },
  };
}

/** The first two are MADSci's. */
const runIndexes: IndexDefinition[] = [
  {
    name: 'status_started_at',
    keys: [
      ['status', 1],
      ['started_at', -1],
    ],
  },
  { name: 'started_at_desc', keys: [['started_at', -1]] },
  {
    name: 'started_at_id',
    keys: [
      ['started_at', -1],
      ['_id', -1],
    ],
  },
  {
    name: 'status_started_at_id',
    keys: [
      ['status', 1],
      ['started_at', -1],
      ['_id', -1],
    ],
  },
  { name: 'store_undelivered_at', keys: [['_store.undelivered.at', 1]], sparse: true },
  { name: 'store_events', keys: [['_store.events', 1]], sparse: true },
];

/** Collections that the manager makes when it needs them: neither missing nor extra. */
export function optionalCollections(runs: string): string[] {
  return Object.values(collectionNames(runs));
}

/** @throws MigrationError where the file is no schema */
export async function readSchema(path: string): Promise<DatabaseSchema> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MigrationError(`The schema file ${path} cannot be read (${error.code ?? error.message}).`);
  });
  try {
    const { schema_version, collections } = JSON.parse(text) as Partial<DatabaseSchema>;
    if (typeof schema_version === 'string' && typeof collections === 'object')
      return { schema_version, collections };
  } catch {
    // Told below.
  }
  throw new MigrationError(`The schema file ${path} must be JSON with schema_version and collections.`);
}

interface FoundIndex {
  name: string;
  key: Record<string, number>;
  unique?: boolean;
}

/** The indexes of a collection, without the one that every collection has. */
async function indexesOf(db: Db, collection: string): Promise<Map<string, FoundIndex>> {
  const indexes = (await db.collection(collection).listIndexes().toArray()) as FoundIndex[];
  return new Map(indexes.filter(({ name }) => name !== '_id_').map((index) => [index.name, index]));
}

function isSame({ keys, unique = false }: IndexDefinition, found: FoundIndex): boolean {
  return (
    JSON.stringify(keys) === JSON.stringify(Object.entries(found.key)) && unique === (found.unique ?? false)
  );
}

/** Collections of `own` are not extra. */
export async function compareSchema(
  db: Db,
  schema: DatabaseSchema,
  own: string[],
): Promise<SchemaDifferences> {
  const expected = Object.keys(schema.collections);
  const found = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const differences: SchemaDifferences = {
    missing_collections: expected.filter((name) => !found.includes(name)),
    extra_collections: found.filter((name) => !expected.includes(name) && !own.includes(name)),
    collection_differences: {},
  };
  for (const name of expected.filter((each) => found.includes(each))) {
    const wanted = schema.collections[name]?.indexes ?? [];
    const present = await indexesOf(db, name);
    const difference = {
      missing_indexes: wanted.filter((index) => !present.has(index.name)).map((index) => index.name),
      extra_indexes: [...present.keys()].filter((each) => !wanted.some((index) => index.name === each)),
      different_indexes: wanted
        .filter((index) => {
          const actual = present.get(index.name);
          return actual !== undefined && !isSame(index, actual);
        })
        .map((index) => index.name),
    };
    if (Object.values(difference).some((names) => names.length > 0)) {
      differences.collection_differences[name] = difference;
    }
  }
  return differences;
}

export function isDifferent({ collection_differences, ...lists }: SchemaDifferences): boolean {
  return (
    Object.keys(collection_differences).length > 0 || Object.values(lists).some((names) => names.length > 0)
  );
}

/** Makes what is missing; returns the names of the made indexes by collection. */
export async function ensureSchema(db: Db, schema: DatabaseSchema): Promise<Map<string, string[]>> {
  const made = new Map<string, string[]>();
  for (const [collection, { indexes = [] }] of Object.entries(schema.collections)) {
    const found = await db.listCollections({ name: collection }, { nameOnly: true }).toArray();
    if (found.length === 0) await db.createCollection(collection);
    const present = await indexesOf(db, collection);
    const missing = indexes.filter(({ name }) => !present.has(name));
    if (missing.length > 0) await db.collection(collection).createIndexes(missing.map(describe));
    made.set(
      collection,
      missing.map(({ name }) => name),
    );
  }
  return made;
}

function describe({ keys, name, unique, sparse }: IndexDefinition): IndexDescription {
  const options = { ...(unique === true && { unique }), ...(sparse === true && { sparse }) };
  return { name, key: Object.fromEntries(keys), ...options };
}

/** @returns whether it was there */
export async function dropHarmfulIndex(db: Db, collection: string): Promise<boolean> {
  const found = await db.listCollections({ name: collection }, { nameOnly: true }).toArray();
  if (found.length === 0 || !(await indexesOf(db, collection)).has(harmfulIndex)) return false;
  await db.collection(collection).dropIndex(harmfulIndex);
  return true;
}
