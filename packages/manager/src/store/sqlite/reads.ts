/** The questions that the SQLite store answers, each by an index. */
import type { DatabaseSync } from 'node:sqlite';
import { statuses, type Status } from '@madsci-ts/protocol';
import type { Counts, Page, QueuedEvent, RunPage, Undelivered } from '../store.ts';
import type { CounterName } from './counters.ts';

/** Behind every stored start: no year has five digits. */
const latest = { started_at: '~', id: '~' };

export type Reads = ReturnType<typeof createReads>;

export function createReads(database: DatabaseSync) {
  const byId = database.prepare('SELECT document FROM run WHERE id = ?');
  const newest = database.prepare(
    'SELECT document FROM run WHERE (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?',
  );
  const newestOfStatus = database.prepare(
    `SELECT document FROM run WHERE status = ? AND (started_at, id) < (?, ?)
     ORDER BY started_at DESC, id DESC LIMIT ?`,
  );
  const position = database.prepare('SELECT position FROM run WHERE id = ?');
  const entries = database.prepare(
    'SELECT entry FROM history WHERE run = ? AND sequence > ? ORDER BY sequence LIMIT ?',
  );
  const campaignById = database.prepare('SELECT document FROM campaign WHERE id = ?');
  const campaignPage = database.prepare(
    'SELECT document, position FROM campaign WHERE position < ? ORDER BY position DESC LIMIT ?',
  );
  const counts = database.prepare('SELECT name, value FROM counter');
  const queued = database.prepare(
    'SELECT event_id, event_type, at, run FROM outbox ORDER BY position LIMIT ?',
  );
  const undeliveredSince = database.prepare('SELECT fingerprint, id, at FROM undelivered WHERE at >= ?');

  return {
    run: (id: string) => text(byId.get(id), 'document'),
    runs: ({ limit, after = latest, status }: RunPage) => {
      const rows =
        status === undefined
          ? newest.all(after.started_at, after.id, limit)
          : newestOfStatus.all(status, after.started_at, after.id, limit);
      return rows.map((row) => String(row['document']));
    },
    history: (id: string, { limit, after = 0 }: Page) => {
      const run = position.get(id);
      if (run === undefined) return undefined;
      return entries.all(Number(run['position']), after, limit).map((row) => String(row['entry']));
    },
    campaign: (id: string) => text(campaignById.get(id), 'document'),
    campaigns: ({ limit, after = Number.MAX_SAFE_INTEGER }: Page) =>
      campaignPage
        .all(after, limit)
        .map((row) => ({ text: String(row['document']), position: Number(row['position']) })),
    counts: () => countsOf(counts.all()),
    events: (limit: number): QueuedEvent[] =>
      queued.all(limit).map((row) => ({
        event_id: String(row['event_id']),
        event_type: String(row['event_type']),
        at: String(row['at']),
        run: String(row['run']),
      })),
    undelivered: (since: number): Undelivered[] =>
      undeliveredSince.all(since).map((row) => ({
        fingerprint: String(row['fingerprint']),
        id: String(row['id']),
        at: Number(row['at']),
      })),
  };
}

function text(row: Record<string, unknown> | undefined, column: string): string | undefined {
  return row === undefined ? undefined : String(row[column]);
}

function countsOf(rows: Record<string, unknown>[]): Counts {
  const valueOf = (name: CounterName) => Number(rows.find((row) => row['name'] === name)?.['value'] ?? 0);
  const byStatus = Object.fromEntries(statuses.map((status) => [status, valueOf(status)])) as Record<
    Status,
    number
  >;
  const total = statuses.reduce((sum, status) => sum + byStatus[status], 0);
  return { byStatus, total, eventsWaiting: valueOf('events') };
}
