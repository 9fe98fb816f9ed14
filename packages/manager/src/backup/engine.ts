/** What a backup needs of a database, by the kind of the store. */
import type { BackupKind, Manifest } from './manifest.ts';

/** Words about the progress of something long. */
export type Report = (message: string) => void;

export interface Engine {
  kind: BackupKind;
  /** Name of the database: the folder of the data inside a backup, and the beginning of its name. */
  database: string;
  /** MADSci's folder for backups of this kind. */
  defaultFolder: string;
  /** Writes a copy of the database, as it is at one moment, into the folder `<target>/<database>`. */
  dump(target: string): Promise<Pick<Manifest, 'documents' | 'database_version' | 'collection_name'>>;
  /** Restores the backup to a place of its own, looks at it there and removes it. Rejects with a BackupError that says what is wrong. */
  tryOut(folder: string, manifest: Manifest): Promise<void>;
  /** The lock that nobody else may have while the database is replaced; returns how to let go of it. */
  hold(targetDatabase?: string): Promise<() => Promise<void>>;
  /** Whether there is something to lose. */
  exists(targetDatabase?: string): Promise<boolean>;
  /** Keeps a copy of a database that is too damaged to be backed up; resolves to where. */
  keepDamaged?(): Promise<string>;
  /** Puts the backup in the place of the database. Until the copy is complete and verified, the database is untouched. */
  replace(folder: string, manifest: Manifest, targetDatabase?: string): Promise<void>;
  close(): Promise<void>;
}
