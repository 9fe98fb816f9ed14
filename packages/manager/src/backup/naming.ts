/** How backups are called: `{database}_backup_YYYYMMDD_HHMMSS[_suffix]`, local time, as MADSci's. */
import { BackupError } from './errors.ts';

const two = (value: number) => String(value).padStart(2, '0');

/** `YYYYMMDD_HHMMSS` of the local clock. */
export function timestampOf(date: Date): string {
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('');
  return `${day}_${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join('')}`;
}

/** @throws BackupError where the suffix would not be one plain part of a file name */
export function backupName(database: string, date: Date, suffix?: string): string {
  if (suffix !== undefined && !/^[\w.-]{1,100}$/.test(suffix)) {
    throw new BackupError(
      `The name suffix ${JSON.stringify(suffix)} must be letters, digits, dots, hyphens and underscores.`,
    );
  }
  return `${database}_backup_${timestampOf(date)}${suffix === undefined ? '' : `_${suffix}`}`;
}

/** Whether a folder of this name is a backup of the database. */
export function isBackupOf(name: string, database: string): boolean {
  return name.startsWith(`${database}_backup_`) && /^\d{8}_\d{6}/.test(name.slice(database.length + 8));
}
