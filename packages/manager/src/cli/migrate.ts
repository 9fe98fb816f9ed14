import type { Command } from 'commander';
import type { DatabaseTarget } from '../backup/index.ts';
import type { MigrationReport } from '../migrate/index.ts';
import { addDatabaseOptions, databaseOf, type DatabaseFlags } from './database-flags.ts';
import { exitCodes } from './exit-codes.ts';
import { note, printJson, printTable } from './output.ts';
import { progressBar } from './progress.ts';
import { ask } from './questions.ts';
import { withExamples } from './shared.ts';

interface MigrateFlags extends DatabaseFlags {
  schemaFile?: string;
  targetVersion?: string;
  timeZone?: string;
  trustTimeZone?: boolean;
  backupOnly?: boolean;
  restoreFrom?: string;
  checkVersion?: boolean;
  validateSchema?: boolean;
  json?: boolean;
}

/** Ids shown of runs that need a look. */
const maxShownIds = 10;

export function addMigrateCommand(program: Command) {
  const command = withExamples(
    program,
    'migrate',
    'Bring a database of MADSci, or of an earlier manager, to this version',
    [
      'migrate --db-url mongodb://localhost:27017 --time-zone America/Chicago',
      'migrate --check-version    # exit code 1 when a migration is needed',
      'migrate --target-version 1.0.0    # back to MADSci',
    ],
  );
  addDatabaseOptions(command)
    .option(
      '--schema-file <path>',
      "schema.json to make and compare collections by (default: this manager's own)",
    )
    .option('--target-version <version>', 'version to migrate to (default: the newest); 1.0.0 is MADSci')
    .option('--time-zone <zone>', "zone of MADSci's server, whose times have none: America/Chicago")
    .option('--trust-time-zone', "use the zone although the runs' ids contradict it")
    .option('--backup-only', 'only make a backup')
    .option('--restore-from <backup>', 'only restore this backup')
    .option('--check-version', 'only compare versions; exit code 1 when a migration is needed')
    .option('--validate-schema', 'only compare collections and indexes; exit code 1 when they differ')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Stop MADSci's manager and every manager on this database first. A validated backup is made before anything is changed and restored when
a step fails. A migration that was killed is completed by the same command. A password belongs into the settings (db_url) rather than on
the command line, where others see it.`,
    )
    .action(run);
}

async function run(flags: MigrateFlags) {
  const target = databaseOf(flags);
  if (flags.checkVersion) return checkVersion(target, flags);
  if (flags.validateSchema) return validateSchema(target, flags);
  if (flags.backupOnly || flags.restoreFrom !== undefined) return backUpOrRestore(target, flags);
  return migrate(target, flags);
}

// Only this command needs its modules.
const migrations = () => import('../migrate/index.ts');

async function checkVersion(target: DatabaseTarget, { json }: MigrateFlags) {
  const found = await (await migrations()).checkVersion(target);
  if (json) printJson(found);
  else note(`Expected version ${found.expected}, the database has ${found.current ?? 'none yet'}.`);
  if (!json) note(found.needed ? 'A migration is needed.' : 'No migration is needed.');
  if (found.needed) process.exitCode = exitCodes.failed;
}

async function validateSchema(target: DatabaseTarget, { schemaFile, json }: MigrateFlags) {
  const { valid, differences } = await (await migrations()).validateSchema(target, schemaFile);
  if (json || !valid) printJson({ valid, differences });
  else note('Collections and indexes are as expected.');
  if (!valid) process.exitCode = exitCodes.failed;
}

async function backUpOrRestore(target: DatabaseTarget, { backupDir, restoreFrom, json }: MigrateFlags) {
  const { openBackups } = await import('../backup/index.ts');
  const backups = await openBackups(target, backupDir, note);
  try {
    const done =
      restoreFrom === undefined
        ? { backup: await backups.create() }
        : { restored: restoreFrom, before: (await backups.restore(restoreFrom)) ?? null };
    if (json) printJson(done);
    else if (restoreFrom !== undefined) note('Restored.');
  } finally {
    await backups.close();
  }
}

async function migrate(target: DatabaseTarget, flags: MigrateFlags) {
  const { migrate: start, systemZone } = await migrations();
  const bar = progressBar();
  const askZone = async () => {
    const answer = await ask(`Which time zone had MADSci's server? (${systemZone()}) `);
    return answer === '' ? systemZone() : answer;
  };
  const report = await start(target, {
    zone: flags.timeZone,
    askZone,
    trustZone: flags.trustTimeZone === true,
    targetVersion: flags.targetVersion,
    schemaFile: flags.schemaFile,
    backupFolder: flags.backupDir,
    report: note,
    onProgress: (done, total, doing) => bar.update(done, total, doing),
  }).finally(() => bar.stop());
  if (flags.json) printJson(report);
  else tell(report);
}

function tell({ from, to, backup, collections, ambiguous, unreadable }: MigrationReport) {
  if (collections.length === 0) return note(`The database has version ${to} already: nothing to do.`);
  printTable(
    ['COLLECTION', 'DONE'],
    collections.map(({ collection, did }) => [
      collection,
      did.length === 0 ? 'nothing to do' : did.join(', '),
    ]),
  );
  note(
    `Migrated from ${from ?? 'nothing'} to ${to}.${backup === null ? '' : ` The backup from before is ${backup}`}`,
  );
  tellRuns(
    ambiguous,
    'had a time that clocks showed twice, when they were put back; the likelier one was taken',
  );
  tellRuns(unreadable, 'had a status or time that could not be read, and was left as it is');
}

function tellRuns(ids: string[], what: string) {
  if (ids.length === 0) return;
  const more = ids.length > maxShownIds ? ' …' : '';
  note(`${ids.length} runs ${what}: ${ids.slice(0, maxShownIds).join(' ')}${more}`);
}
