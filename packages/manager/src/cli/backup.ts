import type { Command } from 'commander';
import type { BackupEntry, Backups } from '../backup/index.ts';
import { addDatabaseOptions, databaseOf, type DatabaseFlags } from './database-flags.ts';
import { InputError } from './exit-codes.ts';
import { note, plain, printJson, printTable } from './output.ts';
import { ask } from './questions.ts';
import { withExamples } from './shared.ts';

interface BackupFlags extends DatabaseFlags {
  json?: boolean;
}

interface CreateFlags extends BackupFlags {
  nameSuffix?: string;
  validate: boolean;
}

export function addBackupCommand(program: Command) {
  const group = withExamples(program, 'backup', 'Back up the database, and restore it', [
    'backup create --name-suffix before_upgrade',
    'backup list',
    'backup restore madsci_experiments_backup_20260120_103000',
  ]);
  addDatabaseOptions(group)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
MongoDB needs mongodump and mongorestore in PATH. Backups can be made while managers run; to restore one, stop them first. A password
belongs into the settings (db_url) rather than on the command line, where others see it.`,
    );
  addCreate(group);
  addNamed(group, 'list', 'List the backups of the database, newest first', list);
  addNamed(group, 'validate <backup>', 'Compare checksums and try the backup out, by name or path', validate);
  addNamed(group, 'restore <backup>', 'Put a backup in the place of the database', restore).option(
    '--target-database <name>',
    'restore to another database: its name, or the path of an SQLite file',
  );
  addNamed(group, 'delete <backup>', 'Delete a backup', remove).option('--force', 'do not ask');
}

function addCreate(group: Command) {
  addNamed(group, 'create', 'Make a backup; the newest ten are kept', create)
    .option('--name-suffix <suffix>', 'added to the name')
    .option('--no-validate', 'do not try it out')
    .option('--no-compression', 'for MADSci users: backups are never compressed');
}

type Action = (backups: Backups, flags: BackupFlags, name: string) => Promise<void>;

function addNamed(group: Command, name: string, description: string, action: Action): Command {
  const command = group.command(name).description(description).configureHelp({ showGlobalOptions: true });
  return command.action(async (...parameters: unknown[]) => {
    const flags = command.optsWithGlobals<BackupFlags>();
    // Only these commands need their modules.
    const { openBackups } = await import('../backup/index.ts');
    const backups = await openBackups(databaseOf(flags), flags.backupDir, note);
    try {
      await action(backups, flags, typeof parameters[0] === 'string' ? parameters[0] : '');
    } finally {
      await backups.close();
    }
  });
}

async function create(backups: Backups, flags: BackupFlags) {
  const { nameSuffix, validate: isTried, json } = flags as CreateFlags;
  const path = await backups.create({
    validate: isTried,
    ...(nameSuffix !== undefined && { suffix: nameSuffix }),
  });
  if (json) printJson({ path });
  else process.stdout.write(`${path}\n`);
}

async function list(backups: Backups, { json }: BackupFlags) {
  const entries = await backups.list();
  if (json) return printJson(entries);
  if (entries.length === 0) return note(`There is no backup in ${backups.folder}.`);
  printTable(['BACKUP', 'CREATED', 'BYTES', 'VALID'], entries.map(rowOf));
}

function rowOf({ name, created_at, bytes, fault }: BackupEntry): string[] {
  return [name, created_at, String(bytes), fault === null ? 'yes' : `no: ${plain(fault, 200)}`];
}

async function validate(backups: Backups, { json }: BackupFlags, name: string) {
  const path = await backups.validate(name);
  if (json) printJson({ path, valid: true });
  else note(`${path} can be restored.`);
}

async function restore(backups: Backups, flags: BackupFlags, name: string) {
  const { targetDatabase, json } = flags as BackupFlags & { targetDatabase?: string };
  const safety = (await backups.restore(name, targetDatabase)) ?? null;
  if (json) return printJson({ restored: name, before: safety });
  note(safety === null ? 'Restored.' : `Restored. What was there before is kept as ${safety}`);
}

async function remove(backups: Backups, flags: BackupFlags, name: string) {
  const { force, json } = flags as BackupFlags & { force?: boolean };
  const path = await backups.locate(name);
  if (force !== true) {
    const answer = await ask(`Delete ${path}? (yes/no) `);
    if (answer === undefined)
      throw new InputError('Nobody can be asked here; give --force to delete the backup.');
    if (!/^y(es)?$/i.test(answer)) return note('Not deleted.');
  }
  await backups.delete(name);
  if (json) printJson({ deleted: path });
  else note(`Deleted ${path}`);
}
