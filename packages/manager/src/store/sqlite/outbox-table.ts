/** What the laboratory is still to be told of, in the order in which it happened. */
import type { DatabaseSync } from 'node:sqlite';
import type { OutgoingEvent } from '../store.ts';
import type { Counters } from './counters.ts';

export type OutboxTable = ReturnType<typeof createOutboxTable>;

export function createOutboxTable(database: DatabaseSync, counters: Counters) {
  const insert = database.prepare(
    'INSERT INTO outbox (position, event_id, event_type, at, run) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = database.prepare('DELETE FROM outbox WHERE event_id = ?');

  return {
    /** Queues an event with the run as it then was; `place` is the change's place among all. */
    add(place: number, event: OutgoingEvent | undefined, at: string, text: string) {
      if (event === undefined) return;
      insert.run(place, event.event_id, event.event_type, at, text);
      counters.count('events', 1);
    },
    drop(ids: readonly string[]) {
      for (const id of ids) counters.count('events', -Number(remove.run(id).changes));
    },
  };
}
