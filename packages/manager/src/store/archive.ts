/**
 * Everything that a store holds, record by record, so that it can be carried into another store. Only a copy uses it, while no manager
 * works on either.
 */
import { StoreError, type Counts } from './store.ts';

/** A run, and the mark of a start whose reply may not have reached its client, where that was a short time ago. */
export interface RunRecord {
  id: string;
  text: string;
  /** How many history entries it has. */
  entries: number;
  undelivered: { fingerprint: string; at: number } | null;
}

interface HistoryRecord {
  run: string;
  sequence: number;
  text: string;
}

/** The outcome kept for an Idempotency-Key; `at` in milliseconds since 1970, `outcome` as JSON text. */
interface OnceRecord {
  key: string;
  fingerprint: string;
  at: number;
  outcome: string;
}

/** An event that waits for the Event Manager; `run` is the document as it was then. */
interface EventRecord {
  event_id: string;
  event_type: string;
  at: string;
  run: string;
}

interface CampaignRecord {
  id: string;
  version: number;
  text: string;
}

export interface Records {
  run: RunRecord;
  history: HistoryRecord;
  once: OnceRecord;
  event: EventRecord;
  campaign: CampaignRecord;
}

export type RecordKind = keyof Records;

/** In the order in which they are carried over: a history entry finds its run. */
export const recordKinds = ['run', 'history', 'once', 'event', 'campaign'] as const satisfies RecordKind[];

/** Most records of a page. */
export const maxPageRecords = 1000;

/** A page ends after the record that reaches this size, in UTF-16 units of its texts. */
export const maxPageCharacters = 4 * 1024 * 1024;

export interface RecordPage<Kind extends RecordKind> {
  records: Records[Kind][];
  /** The `after` of the next page; undefined behind the last record. */
  next?: string;
}

/** How far a copy into this store has come. It is there until the copy is complete, and keeps managers from starting. */
export interface CopyMark {
  /** The source, without secrets. */
  from: string;
  /** What comes next; undefined once every record is there and the check is due. */
  kind?: RecordKind | undefined;
  /** The place in the source behind which it goes on; undefined at a kind's beginning. */
  after?: string | undefined;
}

export interface Archive {
  /** A page of records behind `after`, in an order that does not change between calls. */
  read<Kind extends RecordKind>(kind: Kind, after: string | undefined): Promise<RecordPage<Kind>>;
  /** Roughly how many records there are, for the display. */
  sizes(): Promise<Record<RecordKind, number>>;
  /** The runs by status as the store itself keeps count. */
  counts(): Promise<Counts>;

  /** Of a copy into this store that is not complete. */
  mark(): Promise<CopyMark | undefined>;
  /** Sets the mark, on a store that holds no record. */
  begin(mark: CopyMark): Promise<void>;
  /**
   * Adds the records and moves the mark on. After a crash the mark stands before these records and some or all of them may be there: put
   * again, they are there once. Rejects with a RunMissingError where it sees that a
   * history entry's run is not there.
   */
  put<Kind extends RecordKind>(kind: Kind, records: Records[Kind][], mark: CopyMark): Promise<void>;
  /** Removes the mark: the copy is complete. */
  finish(): Promise<void>;

  close(): Promise<void>;
}

/** A history entry comes to a store that has not got its run. */
export class RunMissingError extends StoreError {
  constructor(run: string) {
    super(`There is a history entry of run ${run}, but not that run`);
  }
}

/** The sentence with which a store refuses to open for a manager while a copy into it is not complete. */
export function unfinishedCopy(database: string, { from }: CopyMark): string {
  return `${database} holds an unfinished copy of ${from}; run the same \`madsci-experiments copy\` again to complete it`;
}
