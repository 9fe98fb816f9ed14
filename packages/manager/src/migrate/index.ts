/** Brings a database to the version that this manager, or MADSci, expects. */
import { openBackups, type Backups, type DatabaseTarget } from '../backup/index.ts';
import { asStoreError } from '../store/mongo/errors.ts';
import { databaseVersion, schemaVersion } from '../store/mongo/versions.ts';
import { connect, migrateMongo, type MigrationReport, type MongoMigration } from './mongo.ts';
import { compareSchema, isDifferent, optionalCollections, ownSchema, readSchema } from './schema.ts';
import { compareSqliteSchema, expectedSqliteVersion, migrateSqlite, sqliteVersion } from './sqlite.ts';
import { MigrationError } from './errors.ts';

export type { MigrationReport } from './mongo.ts';
export { systemZone } from './zoned-times.ts';

export interface VersionCheck {
  expected: string;
  /** Null where there is no database yet. */
  current: string | null;
  needed: boolean;
}

export interface SchemaCheck {
  valid: boolean;
  differences: unknown;
}

export type MigrationOptions = Pick<
  MongoMigration,
  'zone' | 'askZone' | 'trustZone' | 'report' | 'onProgress'
> & {
  targetVersion: string | undefined;
  schemaFile: string | undefined;
  backupFolder: string | undefined;
};

/** A database that is not there yet needs no migration: the start initialises it. */
export async function checkVersion(target: DatabaseTarget): Promise<VersionCheck> {
  if (target.store.kind === 'sqlite') {
    const current = sqliteVersion(target.store.path);
    const needed = current !== 0 && current !== expectedSqliteVersion;
    return {
      expected: String(expectedSqliteVersion),
      current: current === 0 ? null : String(current),
      needed,
    };
  }
  return withDatabase(target, async (db) => {
    const current = await databaseVersion(db);
    return {
      expected: schemaVersion,
      current: current ?? null,
      needed: current !== undefined && current !== schemaVersion,
    };
  });
}

/** @param schemaFile a schema.json in MADSci's form to compare with; this manager's own where none is given */
export async function validateSchema(
  target: DatabaseTarget,
  schemaFile: string | undefined,
): Promise<SchemaCheck> {
  if (target.store.kind === 'sqlite') {
    const differences = compareSqliteSchema(target.store.path);
    return { valid: Object.values(differences).every((names) => names.length === 0), differences };
  }
  const schema = schemaFile === undefined ? ownSchema(target.collection) : await readSchema(schemaFile);
  const own = schemaFile === undefined ? optionalCollections(target.collection) : [];
  return withDatabase(target, async (db) => {
    const differences = await compareSchema(db, schema, own);
    return { valid: !isDifferent(differences), differences };
  });
}

/** @throws MigrationError, BackupError, StoreError */
export async function migrate(target: DatabaseTarget, options: MigrationOptions): Promise<MigrationReport> {
  const backups = await openBackups(target, options.backupFolder, options.report);
  try {
    if (target.store.kind === 'sqlite') {
      return await migrateSqlite(
        target.store.path,
        options.targetVersion ?? String(expectedSqliteVersion),
        backups,
      );
    }
    return await migrateDatabase(target, options, backups);
  } finally {
    await backups.close();
  }
}

async function migrateDatabase(target: DatabaseTarget, options: MigrationOptions, backups: Backups) {
  const { schemaFile, targetVersion = schemaVersion } = options;
  const schema = schemaFile === undefined ? ownSchema(target.collection) : await readSchema(schemaFile);
  if (schemaFile !== undefined && schema.schema_version !== targetVersion) {
    throw new MigrationError(
      `${schemaFile} describes version ${schema.schema_version}, but ${targetVersion} is asked for; leave it out, or name its version in --target-version.`,
    );
  }
  const { collection } = target;
  return withDatabase(target, (db) =>
    migrateMongo({ ...options, db, collection, target: targetVersion, schema, backups }),
  );
}

async function withDatabase<T>(
  target: DatabaseTarget,
  work: (db: MongoMigration['db']) => Promise<T>,
): Promise<T> {
  if (target.store.kind !== 'mongodb') throw new MigrationError('The database is no MongoDB.');
  const client = await connect(target.store.url);
  try {
    return await work(client.db(target.database));
  } catch (error) {
    throw asStoreError(error, `${client.options.hosts.join(',')}/${target.database}`);
  } finally {
    await client.close();
  }
}
