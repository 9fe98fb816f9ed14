/** The changes that the SQLite store makes. Each runs inside a transaction of the writer, perhaps more than once. */
import type { DatabaseSync } from 'node:sqlite';
import { parseJson, type Command, type Experiment, type Status } from '@madsci-ts/protocol';
import {
  edited,
  historyEntry,
  moved,
  type Attribution,
  type CampaignWrite,
  type CommandWrite,
  type EditWrite,
  type Once,
  type Outcome,
  type OutgoingEvent,
  type StartWrite,
} from '../store.ts';

interface StoredRun {
  position: number;
  entries: number;
  run: Experiment;
  text: string;
}

interface Step {
  command: Command | 'start' | 'edit';
  from: Status | null;
  to: Status;
  accepted: boolean;
}

export function createWrites(database: DatabaseSync) {
  const insertRun = database.prepare(
    'INSERT INTO run (id, status, started_at, entries, document) VALUES (?, ?, ?, 1, ?)',
  );
  const selectRun = database.prepare('SELECT position, entries, document FROM run WHERE id = ?');
  const updateRun = database.prepare(
    'UPDATE run SET status = ?, entries = ?, document = ? WHERE position = ?',
  );
  const countEntry = database.prepare('UPDATE run SET entries = ? WHERE position = ?');
  const insertEntry = database.prepare('INSERT INTO history (run, sequence, entry) VALUES (?, ?, ?)');
  const insertEvent = database.prepare(
    'INSERT INTO outbox (position, event_id, event_type, at, run) VALUES (?, ?, ?, ?, ?)',
  );
  const addCount = database.prepare(
    'INSERT INTO run_count (status, runs) VALUES (?, ?) ON CONFLICT (status) DO UPDATE SET runs = runs + excluded.runs',
  );
  const insertUndelivered = database.prepare(
    'INSERT INTO undelivered (id, fingerprint, at) VALUES (?, ?, ?)',
  );
  const deleteUndelivered = database.prepare('DELETE FROM undelivered WHERE id = ?');
  const selectCampaign = database.prepare('SELECT version FROM campaign WHERE id = ?');
  const upsertCampaign = database.prepare(
    `INSERT INTO campaign (id, version, document) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET version = excluded.version, document = excluded.document`,
  );
  const remembered = createRemembered(database);

  /** Changes of the counters in this transaction; written once at its end. */
  const deltas = new Map<Status, number>();
  const count = (status: Status, by: number) => deltas.set(status, (deltas.get(status) ?? 0) + by);

  /** Adds to the history; the position that the entry got. */
  function note(run: number, sequence: number, write: Attribution, step: Step): number {
    const entry = JSON.stringify(historyEntry(write, { sequence, ...step }));
    return Number(insertEntry.run(run, sequence, entry).lastInsertRowid);
  }

  function emit(position: number, event: OutgoingEvent | undefined, at: string, text: string) {
    if (event !== undefined) insertEvent.run(position, event.event_id, event.event_type, at, text);
  }

  function find(id: string): StoredRun | undefined {
    const row = selectRun.get(id);
    if (row === undefined) return undefined;
    const text = String(row['document']);
    const run = parseJson(text) as unknown as Experiment;
    return { position: Number(row['position']), entries: Number(row['entries']), run, text };
  }

  function start(write: StartWrite): Outcome {
    const { run } = write;
    const text = JSON.stringify(run);
    const position = Number(insertRun.run(run._id, run.status, write.at, text).lastInsertRowid);
    const step: Step = { command: 'start', from: null, to: run.status, accepted: true };
    emit(note(position, 1, write, step), write.event, write.at, text);
    count(run.status, 1);
    if (write.undelivered !== undefined) {
      insertUndelivered.run(run._id, write.undelivered.fingerprint, Date.parse(write.at));
    }
    return { kind: 'done', text };
  }

  /** Keeps a wish that was not granted. */
  function decline(found: StoredRun, write: CommandWrite | EditWrite, step: Step) {
    note(found.position, found.entries + 1, write, step);
    countEntry.run(found.entries + 1, found.position);
  }

  function refuse(
    found: StoredRun,
    write: CommandWrite | EditWrite,
    step: Step,
    because: 'status' | 'version',
  ) {
    decline(found, write, step);
    const { status, version } = found.run;
    return { kind: 'refused', because, status, version } as const;
  }

  /** Stores the changed run with its history entry. */
  function accept(
    found: StoredRun,
    run: Experiment,
    write: CommandWrite | EditWrite,
    command: Step['command'],
  ) {
    const text = JSON.stringify(run);
    const from = found.run.status;
    updateRun.run(run.status, found.entries + 1, text, found.position);
    const step: Step = { command, from, to: run.status, accepted: true };
    return { text, position: note(found.position, found.entries + 1, write, step) };
  }

  function command(write: CommandWrite): Outcome {
    const found = find(write.id);
    if (found === undefined) return { kind: 'missing' };
    const { status: from, version } = found.run;
    const step: Step = { command: write.command, from, to: write.target, accepted: false };
    if (write.expectedVersion !== undefined && write.expectedVersion !== version) {
      return refuse(found, write, step, 'version');
    }
    const move = write.moves[from];
    if (move === 'refused') return refuse(found, write, step, 'status');
    if (move === 'declined') decline(found, write, step);
    if (move === 'declined' || move === 'same') return { kind: 'done', text: found.text };
    const run = moved(found.run, move, write);
    const { text, position } = accept(found, run, write, write.command);
    count(from, -1);
    count(move, 1);
    emit(position, write.event?.[move], write.at, text);
    return { kind: 'done', text };
  }

  function edit(write: EditWrite): Outcome {
    const found = find(write.id);
    if (found === undefined) return { kind: 'missing' };
    const { status, version } = found.run;
    if (write.expectedVersion !== undefined && write.expectedVersion !== version) {
      const step: Step = { command: 'edit', from: status, to: status, accepted: false };
      return refuse(found, write, step, 'version');
    }
    return { kind: 'done', text: accept(found, edited(found.run, write), write, 'edit').text };
  }

  function putCampaign({ id, document }: CampaignWrite): Outcome {
    const version = Number(selectCampaign.get(id)?.['version'] ?? 0) + 1;
    const text = JSON.stringify({ ...document, version });
    upsertCampaign.run(id, version, text);
    return { kind: 'done', text };
  }

  return {
    before: () => deltas.clear(),
    settle: () => {
      for (const [status, by] of deltas) if (by !== 0) addCount.run(status, by);
    },
    start: (write: StartWrite) => remembered.once(write.once, () => start(write)),
    command: (write: CommandWrite) => remembered.once(write.once, () => command(write)),
    edit: (write: EditWrite) => remembered.once(write.once, () => edit(write)),
    putCampaign: (write: CampaignWrite) => remembered.once(write.once, () => putCampaign(write)),
    forgetUndelivered: (id: string) => void deleteUndelivered.run(id),
    dropOnce: remembered.drop,
  };
}

/** Outcomes by Idempotency-Key. A run that is not there is no outcome to keep: nothing was done. */
function createRemembered(database: DatabaseSync) {
  const select = database.prepare('SELECT fingerprint, outcome FROM once WHERE key = ?');
  const insert = database.prepare('INSERT INTO once (key, fingerprint, at, outcome) VALUES (?, ?, ?, ?)');
  const dropOldest = database.prepare(
    'DELETE FROM once WHERE key IN (SELECT key FROM once WHERE at < ? ORDER BY at LIMIT ?)',
  );
  const dropUndelivered = database.prepare('DELETE FROM undelivered WHERE at < ?');

  return {
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
    drop(before: number, limit: number): number {
      dropUndelivered.run(before);
      return Number(dropOldest.run(before, limit).changes);
    },
  };
}
