/** The collections, named after that of the runs, which the settings name. */
import type { Collection, Db, IndexDescription, ObjectId } from 'mongodb';
import { versionsCollection } from './versions.ts';

/** The manager's own part of a run's document; `_store` on the wire of no reply. Texts are JSON. */
export interface StorePart {
  /** Number of history entries of this run. */
  entries: number;
  /** The status before the first pending entry; absent where the entry before it tells. */
  base?: string | null;
  /** Counts what was moved out, so that two who move do not both take. */
  moved?: number;
  /** The newest history entries, in order; see entries.ts. */
  pending?: string[];
  /** Events that wait for the Event Manager, in order. */
  events?: string[];
  /** Idempotency-Keys applied to this run, newest last. */
  keys?: string[];
  undelivered?: { fingerprint: string; at: number; by: string; place: number };
  /** JSON texts of fields that BSON does not give back letter for letter. */
  texts?: Record<string, string>;
}

/** MADSci's ids are texts; some databases hold ObjectIds, and other programs may have used anything. */
export type StoredId = string | ObjectId;

export interface RunDocument {
  _id: StoredId;
  _store?: StorePart;
  [field: string]: unknown;
}

export interface HistoryDocument {
  /** Run and sequence, see `historyId`. */
  _id: string;
  run: string;
  sequence: number;
  /** The entry as JSON text. */
  entry: string;
}

export interface OnceDocument {
  /** The Idempotency-Key. */
  _id: string;
  fingerprint: string;
  /** Milliseconds since 1970. */
  at: number;
  /** What is to be written, for a start or a campaign: JSON text. */
  intent?: string;
  /** JSON text; absent until the write is known to have happened. */
  outcome?: string;
}

export interface CampaignDocument {
  _id: string;
  /** Order of registration: microseconds since `campaignEpoch`. */
  position: number;
  version: number;
  /** The campaign without its version, as JSON text. */
  text: string;
  /** Idempotency-Keys applied, newest last, each with the version it made. */
  keys: { key: string; version: number }[];
}

/** One document, `_id` "runs": the number of runs by status and of waiting events. */
export interface CounterDocument {
  _id: string;
  /** Grows with every change, so that a recount knows whether somebody counted meanwhile. */
  changes: number;
  numbers: Record<string, number>;
}

/** A process that uses the database. */
export interface ManagerDocument {
  _id: string;
  /** Milliseconds since 1970, by its own clock. */
  alive_at: number;
  /** Grows while it lives. */
  beat: number;
  /** Whether it takes turns with other managers; see turns.ts. */
  shares: boolean;
  /** It has ended in order. */
  closed: boolean;
  /** Starts up to this place were answered, but for `open`. */
  answered: number;
  open: number[];
}

interface TurnDocument {
  _id: string;
  by: string;
}

export interface Collections {
  runs: Collection<RunDocument>;
  history: Collection<HistoryDocument>;
  once: Collection<OnceDocument>;
  counters: Collection<CounterDocument>;
  campaigns: Collection<CampaignDocument>;
  managers: Collection<ManagerDocument>;
  turns: Collection<TurnDocument>;
}

/** Names by what they hold. */
export function collectionNames(runs: string) {
  return {
    runs,
    history: `${runs}_history`,
    once: `${runs}_once`,
    counters: `${runs}_counters`,
    managers: `${runs}_managers`,
    turns: `${runs}_turns`,
    campaigns: 'campaigns',
    versions: versionsCollection,
  } as const;
}

export function collectionsOf(database: Db, runs: string): Collections {
  const names = collectionNames(runs);
  return {
    runs: database.collection(names.runs),
    history: database.collection(names.history),
    once: database.collection(names.once),
    counters: database.collection(names.counters),
    campaigns: database.collection(names.campaigns),
    managers: database.collection(names.managers),
    turns: database.collection(names.turns),
  };
}

export const historyId = (run: string, sequence: number): string =>
  `${run}/${String(sequence).padStart(9, '0')}`;

/** The first two are MADSci's, names included. The sparse ones hold only what waits. */
const runIndexes: IndexDescription[] = [
  { key: { status: 1, started_at: -1 }, name: 'status_started_at' },
  { key: { started_at: -1 }, name: 'started_at_desc' },
  { key: { started_at: -1, _id: -1 }, name: 'started_at_id' },
  { key: { status: 1, started_at: -1, _id: -1 }, name: 'status_started_at_id' },
  { key: { '_store.undelivered.at': 1 }, name: 'store_undelivered_at', sparse: true },
  { key: { '_store.events': 1 }, name: 'store_events', sparse: true },
];

/** Makes what is missing of the indexes. */
export async function createIndexes(collections: Collections): Promise<void> {
  // One by one: FerretDB 1.24 ends the connection when several are made of which one is there.
  for (const index of runIndexes) await collections.runs.createIndexes([index]);
  await collections.history.createIndexes([{ key: { run: 1, sequence: 1 }, name: 'run_sequence' }]);
  await collections.once.createIndexes([{ key: { at: 1 }, name: 'at' }]);
  await collections.campaigns.createIndexes([
    { key: { position: 1 }, name: 'position_unique', unique: true },
  ]);
}
