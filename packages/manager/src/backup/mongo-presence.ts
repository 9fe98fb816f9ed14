/** Whether managers use a database: each counts up in its own document while it lives. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { collectionsOf } from '../store/mongo/names.ts';
import { BackupError } from './errors.ts';

/** A living manager counts once a second. */
const watchMs = 4000;
const pollMs = 200;

/** @throws BackupError where a manager lives, whose runs must not change under it */
export async function refuseManagers(db: Db, collection: string): Promise<void> {
  const { managers } = collectionsOf(db, collection);
  const read = async () => new Map((await managers.find().toArray()).map(({ _id, beat }) => [_id, beat]));
  const before = await read();
  if (before.size === 0) return;
  const deadline = performance.now() + watchMs;
  while (performance.now() < deadline) {
    await delay(pollMs);
    for (const [id, beat] of await read()) {
      if (before.get(id) === beat) continue;
      throw new BackupError(
        `An experiment manager uses the database ${db.databaseName}; stop every manager that does, then repeat the command.`,
      );
    }
  }
}
