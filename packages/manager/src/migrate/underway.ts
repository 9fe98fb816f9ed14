/** Notes of a migration that is under way: who does it, so that nobody else does, and what the next one needs to finish it. */
import { hostname } from 'node:os';
import type { Db } from 'mongodb';
import { underwayCollection } from '../store/mongo/versions.ts';
import { MigrationError } from './errors.ts';

/** A migration on another machine that has not shown itself for so long is taken for dead. */
const staleMs = 60_000;

export interface Underway {
  to: string;
  /** Path of the backup of the database as it was before. */
  backup: string | null;
  zone: string | null;
  /** When the first attempt began; RFC 3339. */
  begun: string;
}

interface Stored extends Underway {
  _id: string;
  host: string;
  pid: number;
  seen: Date;
}

const id = 'current';

/** In the place of a process id. */
const nobody = 0;

const mine = () => ({ host: hostname(), pid: process.pid, seen: new Date() });

function isAlive({ host, pid, seen }: Stored): boolean {
  if (pid === nobody) return false;
  if (host !== hostname()) return Date.now() - seen.getTime() < staleMs;
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Begins a migration, or goes on with one that was `interrupted`.
 *
 * @throws MigrationError while another process migrates this database
 */
export async function takeOver(db: Db, to: string, interrupted: boolean): Promise<Underway> {
  const notes = db.collection<Stored>(underwayCollection);
  const fresh: Stored = { _id: id, to, backup: null, zone: null, begun: new Date().toISOString(), ...mine() };
  const found = await notes.findOne({ _id: id });
  if (found === null) {
    await notes.insertOne(fresh).catch(() => {
      throw busy();
    });
    return fresh;
  }
  if (isAlive(found)) throw busy(found);
  const going = interrupted ? { ...found, ...mine(), to } : fresh;
  const { matchedCount } = await notes.replaceOne({ _id: id, seen: found.seen }, going);
  if (matchedCount === 0) throw busy();
  return going;
}

function busy(other?: Stored): MigrationError {
  const who = other === undefined ? 'Another process' : `Process ${other.pid} on ${other.host}`;
  return new MigrationError(`${who} is migrating this database; wait until it is done.`);
}

/** Says that this migration lives, and what it has found out. */
export async function note(db: Db, facts: Partial<Underway> = {}): Promise<void> {
  const $set = { ...facts, seen: new Date() };
  await db.collection<Stored>(underwayCollection).updateOne({ _id: id }, { $set });
}

/** Leaves an interrupted migration to whoever goes on with it. */
export async function letGo(db: Db): Promise<void> {
  await db.collection<Stored>(underwayCollection).updateOne({ _id: id }, { $set: { pid: nobody } });
}

export async function finish(db: Db): Promise<void> {
  await db.dropCollection(underwayCollection);
}
