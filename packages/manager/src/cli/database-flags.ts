/** The database that a command works on without a manager. */
import type { Command } from 'commander';
import type { DatabaseTarget } from '../backup/index.ts';
import { loadSettings, parseStore } from '../settings/index.ts';

export interface DatabaseFlags {
  dbUrl?: string;
  mongoUrl?: string;
  database?: string;
  collection?: string;
  backupDir?: string;
}

export function addDatabaseOptions(command: Command): Command {
  return command
    .option('--db-url <url>', 'the database (default: db_url of the settings)')
    .option('--mongo-url <url>', "the same under MADSci's name")
    .option('--database <name>', 'database, where it is MongoDB (default: database_name of the settings)')
    .option('--collection <name>', 'collection of the runs (default: collection_name of the settings)')
    .option(
      '--backup-dir <folder>',
      'where backups lie (default: .madsci/mongodb/backups or .madsci/sqlite/backups)',
    );
}

export function databaseOf(flags: DatabaseFlags): DatabaseTarget {
  const { settings } = loadSettings();
  const url = flags.dbUrl ?? flags.mongoUrl;
  return {
    store:
      url === undefined
        ? settings.store
        : parseStore(url, flags.dbUrl === undefined ? '--mongo-url' : '--db-url'),
    database: flags.database ?? settings.database_name,
    collection: flags.collection ?? settings.collection_name,
  };
}
