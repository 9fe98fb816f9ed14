/** The version record of a database: MADSci's own collection, whose newest record says how the documents lie. */
import type { Db } from 'mongodb';

/** How this manager's documents lie. MADSci 0.6.1 to 0.8.1 write 1.0.0. */
export const schemaVersion = '2.0.0';

/** MADSci's databases. */
export const madsciSchemaVersion = '1.0.0';

export const versionsCollection = 'schema_versions';

/** Notes of a migration that is under way. */
export const underwayCollection = 'madsci_experiments_migration';

/**
 * The version of a database whose documents are being changed: neither this manager nor MADSci starts on it. MADSci takes it for a
 * database without a record.
 */
export const betweenVersions = '0.0.0';

/** How the notes of a change begin that puts a backup in the place of the documents. */
export const beingRestored = 'Being restored';

/** The newest recorded version; `0.0.0` where there are collections but no record, undefined where there is nothing. */
export async function databaseVersion(db: Db): Promise<string | undefined> {
  const [record] = await db.collection(versionsCollection).find().sort({ applied_at: -1 }).limit(1).toArray();
  if (typeof record?.['version'] === 'string') return record['version'];
  const collections = await db.listCollections({}, { nameOnly: true }).toArray();
  return collections.length === 0 ? undefined : betweenVersions;
}

/** Makes this version the newest one. The two indexes are MADSci's. */
export async function recordVersion(db: Db, version: string, notes: string): Promise<void> {
  const versions = db.collection(versionsCollection);
  // One by one: FerretDB 1.24 ends the connection when several are made of which one is there.
  await versions.createIndex({ version: 1 }, { name: 'version_unique', unique: true });
  await versions.createIndex({ applied_at: -1 }, { name: 'applied_at_desc' });
  const record = { applied_at: new Date(), migration_notes: notes };
  await versions.updateOne({ version }, { $set: record }, { upsert: true });
}

/** A change of the whole database begins: until `recordVersion` and `endChange` nobody starts on it. */
export async function beginChange(db: Db, notes: string): Promise<void> {
  await recordVersion(db, betweenVersions, notes);
}

export async function endChange(db: Db): Promise<void> {
  await db.collection(versionsCollection).deleteOne({ version: betweenVersions });
}
