/** Puts copied records into the tables. Runs inside a transaction, which moves the copy's mark too: nothing is put twice. */
import type { DatabaseSync } from 'node:sqlite';
import type { Status } from '@madsci-ts/protocol';
import { RunMissingError, type RecordKind, type Records, type RunRecord } from '../archive.ts';
import type { Counters } from './counters.ts';

type Puts = { [Kind in RecordKind]: (record: Records[Kind]) => void };

export function createArchiveWrites(database: DatabaseSync, counters: Counters) {
  const puts: Puts = { run: createRunPut(database, counters), ...createOtherPuts(database, counters) };
  return {
    put<Kind extends RecordKind>(kind: Kind, records: Records[Kind][]) {
      const put = puts[kind];
      for (const record of records) put(record);
    },
  };
}

function createRunPut(database: DatabaseSync, counters: Counters) {
  const insert = database.prepare(
    'INSERT INTO run (id, status, started_at, entries, document) VALUES (?, ?, ?, ?, ?)',
  );
  const insertUndelivered = database.prepare(
    'INSERT INTO undelivered (id, fingerprint, at) VALUES (?, ?, ?)',
  );
  return ({ id, text, entries, undelivered }: RunRecord) => {
    const { status, started_at } = JSON.parse(text) as { status: Status; started_at?: string | null };
    insert.run(id, status, started_at ?? '', entries, text);
    counters.count(status, 1);
    if (undelivered !== null) insertUndelivered.run(id, undelivered.fingerprint, undelivered.at);
  };
}

function createOtherPuts(database: DatabaseSync, counters: Counters): Omit<Puts, 'run'> {
  const insertEntry = database.prepare(
    'INSERT INTO history (run, sequence, entry) SELECT position, ?, ? FROM run WHERE id = ?',
  );
  const insertOnce = database.prepare('INSERT INTO once (key, fingerprint, at, outcome) VALUES (?, ?, ?, ?)');
  // From 1 on: never more than there are history entries, whose numbers later events take.
  const insertEvent = database.prepare(
    `INSERT INTO outbox (position, event_id, event_type, at, run)
     VALUES ((SELECT coalesce(max(position), 0) + 1 FROM outbox), ?, ?, ?, ?)`,
  );
  const insertCampaign = database.prepare('INSERT INTO campaign (id, version, document) VALUES (?, ?, ?)');
  return {
    history({ run, sequence, text }) {
      if (insertEntry.run(sequence, text, run).changes === 1) return;
      throw new RunMissingError(run);
    },
    once: ({ key, fingerprint, at, outcome }) => void insertOnce.run(key, fingerprint, at, outcome),
    event({ event_id, event_type, at, run }) {
      insertEvent.run(event_id, event_type, at, run);
      counters.count('events', 1);
    },
    campaign: ({ id, version, text }) => void insertCampaign.run(id, version, text),
  };
}
