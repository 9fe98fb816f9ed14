/** What makes repeated requests harmless: outcomes by Idempotency-Key, and starts whose reply has not left. */
import type { DatabaseSync } from 'node:sqlite';
import type { Once, Outcome, StartWrite } from '../store.ts';

export type Remembered = ReturnType<typeof createRemembered>;

export function createRemembered(database: DatabaseSync) {
  const select = database.prepare('SELECT fingerprint, outcome FROM once WHERE key = ?');
  const insert = database.prepare('INSERT INTO once (key, fingerprint, at, outcome) VALUES (?, ?, ?, ?)');
  const dropOldest = database.prepare(
    'DELETE FROM once WHERE key IN (SELECT key FROM once WHERE at < ? ORDER BY at LIMIT ?)',
  );
  const insertUndelivered = database.prepare(
    'INSERT INTO undelivered (id, fingerprint, at) VALUES (?, ?, ?)',
  );
  const deleteUndelivered = database.prepare('DELETE FROM undelivered WHERE id = ?');
  const dropUndelivered = database.prepare('DELETE FROM undelivered WHERE at < ?');

  return {
    /** Does the work unless it was done under this key. A run that is not there is no outcome to keep: nothing was done. */
    once(once: Once | undefined, work: () => Outcome): Outcome {
      if (once === undefined) return work();
      const kept = select.get(once.key);
      if (kept !== undefined) {
        if (kept['fingerprint'] !== once.fingerprint) return { kind: 'key_reused' };
        return JSON.parse(String(kept['outcome'])) as Outcome;
      }
      const outcome = work();
      if (outcome.kind !== 'missing') {
        insert.run(once.key, once.fingerprint, Date.now(), JSON.stringify(outcome));
      }
      return outcome;
    },
    /** The number of outcomes dropped, at most `limit`. */
    drop: (before: number, limit: number): number => {
      dropUndelivered.run(before);
      return Number(dropOldest.run(before, limit).changes);
    },
    awaitDelivery({ run, undelivered, at }: StartWrite) {
      if (undelivered !== undefined) insertUndelivered.run(run._id, undelivered.fingerprint, Date.parse(at));
    },
    forgetUndelivered: (id: string) => void deleteUndelivered.run(id),
  };
}
