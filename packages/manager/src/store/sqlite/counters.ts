/** How many runs are in each status and how many events wait: counted along, so that nobody has to count them. */
import type { DatabaseSync } from 'node:sqlite';
import type { Status } from '@madsci-ts/protocol';

/** `events`: those in the outbox. */
export type CounterName = Status | 'events';

export type Counters = ReturnType<typeof createCounters>;

export function createCounters(database: DatabaseSync) {
  const add = database.prepare(
    'INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
  );
  /** Changes in this transaction; written once at its end. */
  const deltas = new Map<CounterName, number>();

  return {
    /** At the beginning of a transaction. */
    before: () => deltas.clear(),
    /** At its end. */
    settle: () => {
      for (const [name, by] of deltas) if (by !== 0) add.run(name, by);
    },
    count: (name: CounterName, by: number) => void deltas.set(name, (deltas.get(name) ?? 0) + by),
  };
}
