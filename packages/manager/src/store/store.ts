/**
 * What the manager asks of a database, and what a database promises.
 *
 * - A write is one atomic, durable step: when its promise resolves, the change, its history entry and its outgoing event are on disk
 *   together. When it rejects, nothing of it happened.
 * - Documents are kept as JSON text in their wire form and come back letter for letter.
 * - No call costs more as runs accumulate.
 */
import {
  isFinal,
  type Command,
  type Experiment,
  type HistoryEntry,
  type Move,
  type RunPosition,
  type Status,
} from '@madsci-ts/protocol';

/** Makes a write happen once: the same key with the same fingerprint gets the first outcome again. */
export interface Once {
  key: string;
  /** Tells one request from another: a hash of method, path and body. */
  fingerprint: string;
}

/** Who asked for a change, when and why; kept in the history. */
export interface Attribution {
  /** RFC 3339 in UTC with milliseconds. */
  at: string;
  actor: string;
  reason: string | null;
  request_id: string;
}

/** What the laboratory is to be told of a change; sent later, at least once, under this id. */
export interface OutgoingEvent {
  event_id: string;
  event_type: string;
}

export interface StartWrite extends Attribution {
  run: Experiment;
  event?: OutgoingEvent;
  once?: Once;
  /** Remembers the start until its reply is delivered, see `forgetUndelivered`. */
  undelivered?: { fingerprint: string };
}

export interface CommandWrite extends Attribution {
  id: string;
  command: Command;
  /** What the command does, by the status the run is in. */
  moves: Record<Status, Move>;
  /** The status asked for, for the history of a wish that is not granted. */
  target: Status;
  expectedVersion?: number;
  /** Sent if the run moves to `target`. */
  event?: OutgoingEvent;
  once?: Once;
}

export interface EditWrite extends Attribution {
  id: string;
  changes: Partial<Pick<Experiment, 'run_name' | 'run_description' | 'tags' | 'notes'>>;
  expectedVersion?: number;
  once?: Once;
}

export interface CampaignWrite {
  id: string;
  /** The campaign without `version`, which the store counts. */
  document: Record<string, unknown>;
  once?: Once;
}

/** What became of a write. Text is the stored document. */
export type Outcome =
  | { kind: 'done'; text: string }
  | { kind: 'missing' }
  | { kind: 'refused'; because: 'status' | 'version'; status: Status; version: number }
  | { kind: 'key_reused' };

export interface RunPage {
  limit: number;
  /** Only runs that stand behind this one: started earlier, or at the same time with a smaller id. */
  after?: RunPosition;
  status?: Status;
}

export interface Page {
  limit: number;
  /** Only entries behind this one. */
  after?: number;
}

/** A start whose reply may not have reached its client. */
export interface Undelivered {
  fingerprint: string;
  id: string;
  /** Milliseconds since 1970. */
  at: number;
}

export interface Counts {
  total: number;
  byStatus: Record<Status, number>;
  /** Events that the laboratory is still to be told. */
  eventsWaiting: number;
}

/** An event that waits, with the run as it was after the change. */
export interface QueuedEvent extends OutgoingEvent {
  at: string;
  /** JSON text. */
  run: string;
}

export interface Store {
  start(write: StartWrite): Promise<Outcome>;
  command(write: CommandWrite): Promise<Outcome>;
  edit(write: EditWrite): Promise<Outcome>;
  putCampaign(write: CampaignWrite): Promise<Outcome>;

  /** The run as JSON text; undefined where there is none. */
  run(id: string): Promise<string | undefined>;
  /** Latest start first. */
  runs(page: RunPage): Promise<string[]>;
  /** Oldest first, each entry as JSON text; undefined where there is no such run. `after` is a sequence. */
  history(id: string, page: Page): Promise<string[] | undefined>;
  campaign(id: string): Promise<string | undefined>;
  /** Latest registration first; `position` is the `after` of the next page. */
  campaigns(page: Page): Promise<{ text: string; position: number }[]>;
  counts(): Promise<Counts>;

  /** The longest waiting events, those of one run in the order of its changes. */
  events(limit: number): Promise<QueuedEvent[]>;
  /** These events have been taken; an unknown id is passed over. */
  dropEvents(ids: readonly string[]): Promise<void>;

  /** Starts that a process before this one may not have answered, begun at or after `since` (milliseconds since 1970). */
  undelivered(since: number): Promise<Undelivered[]>;
  /** The reply to a start has left. Lost with a crash: the start then counts as undelivered for its minute. */
  forgetUndelivered(id: string): void;
  /** Drops outcomes kept for keys older than this (milliseconds since 1970), a bounded number at a time. */
  dropOnce(before: number): Promise<void>;

  /** Rejects with a StoreError while the database cannot be used. */
  check(): Promise<void>;
  /** Finishes what was accepted and lets go of the database. May be called twice. */
  close(): Promise<void>;
}

/** Opens a store. Rejects with a StoreError that a person can act on. */
export type OpenStore = () => Promise<Store>;

/**
 * The database cannot be used: missing, locked, full, read-only, damaged. The message is a sentence for the operator and holds no secret.
 */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** The entry that the history gets for a change. */
export function historyEntry(
  write: Attribution,
  step: Pick<HistoryEntry, 'sequence' | 'command' | 'from' | 'to' | 'accepted'>,
): HistoryEntry {
  const { sequence, command, from, to, accepted } = step;
  const { at, actor, reason, request_id } = write;
  return { sequence, at, actor, command, from, to, accepted, reason, request_id };
}

/** The run after a transition: the one place where a stored status changes. */
export function moved(run: Experiment, to: Status, write: Attribution): Experiment {
  return {
    ...run,
    status: to,
    ended_at: isFinal(to) ? write.at : run.ended_at,
    updated_at: write.at,
    status_reason: write.reason,
    actor: write.actor,
    version: run.version + 1,
  };
}

/** The run after an edit of its free texts. */
export function edited(run: Experiment, write: EditWrite): Experiment {
  return { ...run, ...write.changes, updated_at: write.at, version: run.version + 1 };
}
