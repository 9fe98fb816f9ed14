/** How many runs stand where: counted along, so that nobody has to count them. */
import type { DatabaseSync } from 'node:sqlite';
import type { Status } from '@madsci-ts/protocol';

export type Counters = ReturnType<typeof createCounters>;

export function createCounters(database: DatabaseSync) {
  const add = database.prepare(
    'INSERT INTO run_count (status, runs) VALUES (?, ?) ON CONFLICT (status) DO UPDATE SET runs = runs + excluded.runs',
  );
  /** Changes in this transaction; written once at its end. */
  const deltas = new Map<Status, number>();

  return {
    /** At the beginning of a transaction. */
    before: () => deltas.clear(),
    /** At its end. */
    settle: () => {
      for (const [status, by] of deltas) if (by !== 0) add.run(status, by);
    },
    count: (status: Status, by: 1 | -1) => void deltas.set(status, (deltas.get(status) ?? 0) + by),
  };
}
