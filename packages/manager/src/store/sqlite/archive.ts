/** What a SQLite store holds, record by record. */
import { existsSync } from 'node:fs';
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import {
  maxPageCharacters,
  maxPageRecords,
  recordKinds,
  type Archive,
  type CopyMark,
  type RecordKind,
  type RecordPage,
  type Records,
} from '../archive.ts';
import { StoreError } from '../store.ts';
import { createArchiveWrites } from './archive-writes.ts';
import { createCopyMark } from './copy-mark.ts';
import { createCounters } from './counters.ts';
import { asStoreError } from './errors.ts';
import { openDatabase } from './open.ts';
import { createReads } from './reads.ts';
import { createTransact } from './transactions.ts';

type Row = Record<string, SQLOutputValue>;

/** How the records of a kind are read; `place` is what `after` counts by. */
interface Reading<Kind extends RecordKind> {
  table: string;
  select: string;
  first: string | number;
  record: (row: Row) => Records[Kind];
}

const readings: { [Kind in RecordKind]: Reading<Kind> } = {
  run: {
    table: 'run',
    select: `SELECT run.position AS place, run.id, document, entries, fingerprint, at
      FROM run LEFT JOIN undelivered ON undelivered.id = run.id AND at >= :since WHERE run.position > :after ORDER BY run.position`,
    first: 0,
    record: (row) => ({
      id: String(row['id']),
      text: String(row['document']),
      entries: Number(row['entries']),
      undelivered:
        row['at'] === null ? null : { fingerprint: String(row['fingerprint']), at: Number(row['at']) },
    }),
  },
  history: {
    table: 'history',
    select: `SELECT history.position AS place, id, sequence, entry
      FROM history CROSS JOIN run ON run.position = history.run WHERE history.position > :after ORDER BY history.position`,
    first: 0,
    record: (row) => ({
      run: String(row['id']),
      sequence: Number(row['sequence']),
      text: String(row['entry']),
    }),
  },
  once: {
    table: 'once',
    select: 'SELECT key AS place, fingerprint, at, outcome FROM once WHERE key > :after ORDER BY key',
    first: '',
    record: (row) => ({
      key: String(row['place']),
      fingerprint: String(row['fingerprint']),
      at: Number(row['at']),
      outcome: String(row['outcome']),
    }),
  },
  event: {
    table: 'outbox',
    select:
      'SELECT position AS place, event_id, event_type, at, run FROM outbox WHERE position > :after ORDER BY position',
    first: 0,
    record: (row) => ({
      event_id: String(row['event_id']),
      event_type: String(row['event_type']),
      at: String(row['at']),
      run: String(row['run']),
    }),
  },
  campaign: {
    table: 'campaign',
    select:
      'SELECT position AS place, id, version, document FROM campaign WHERE position > :after ORDER BY position',
    first: 0,
    record: (row) => ({
      id: String(row['id']),
      version: Number(row['version']),
      text: String(row['document']),
    }),
  },
};

/**
 * Opens the file at `path` to copy from it or into it, alone as a manager does.
 *
 * @param undeliveredSince milliseconds since 1970; marks of starts before that are left out
 * @throws StoreError (as a rejection) where the file is in use, is no store, or is not there and `create` is false
 */
export async function openSqliteArchive(
  path: string,
  { create, undeliveredSince }: { create: boolean; undeliveredSince: number },
): Promise<Archive> {
  if (!create && !existsSync(path)) {
    throw new StoreError(`There is no database ${path}; name the file that holds the runs to copy`);
  }
  const { database, close } = openDatabase(path);
  const counters = createCounters(database);
  const transact = createTransact(database, counters);
  const writes = createArchiveWrites(database, counters);
  const marks = createCopyMark(database);
  const reads = createReads(database);

  const guarded = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error, path);
    }
  };
  const writing = (work: () => void) => guarded(async () => void (await transact([work])));

  return {
    ...createPages(database, guarded, undeliveredSince),
    counts: () => guarded(reads.counts),
    mark: () => guarded(marks.read),
    begin: (mark: CopyMark) => writing(() => marks.set(mark)),
    put: (kind, records, mark) =>
      writing(() => {
        writes.put(kind, records);
        marks.set(mark);
      }),
    finish: () => writing(marks.remove),
    close: async () => {
      if (database.isOpen) close();
    },
  };
}

type Guarded = <T>(work: () => T) => Promise<T>;

function createPages(
  database: DatabaseSync,
  guarded: Guarded,
  since: number,
): Pick<Archive, 'read' | 'sizes'> {
  const statements = Object.fromEntries(
    recordKinds.map((kind) => [kind, database.prepare(`${readings[kind].select} LIMIT ${maxPageRecords}`)]),
  ) as Record<RecordKind, StatementSync>;
  return {
    read: (kind, after) =>
      guarded(() => {
        const parameters = kind === 'run' ? { since } : {};
        return readPage(statements[kind], readings[kind], { after, parameters });
      }),
    sizes: () =>
      guarded(() => {
        const size = (kind: RecordKind) =>
          Number(database.prepare(`SELECT count(*) AS n FROM ${readings[kind].table}`).get()?.['n']);
        return Object.fromEntries(recordKinds.map((kind) => [kind, size(kind)])) as Record<
          RecordKind,
          number
        >;
      }),
  };
}

function readPage<Kind extends RecordKind>(
  statement: StatementSync,
  { first, record }: Reading<Kind>,
  { after, parameters }: { after: string | undefined; parameters: Record<string, number> },
): RecordPage<Kind> {
  const from = after === undefined || typeof first === 'string' ? (after ?? first) : Number(after);
  const records: Records[Kind][] = [];
  let characters = 0;
  for (const row of statement.iterate({ ...parameters, after: from })) {
    records.push(record(row));
    for (const value of Object.values(row)) if (typeof value === 'string') characters += value.length;
    if (records.length === maxPageRecords || characters >= maxPageCharacters) {
      return { records, next: String(row['place']) };
    }
  }
  return { records };
}
