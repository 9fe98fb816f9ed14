/** What a command or an edit makes of a run: pure, on the run as it was read. */
import type { Experiment, Status } from '@madsci-ts/protocol';
import { edited, moved, type CommandWrite, type EditWrite, type Outcome } from '../store.ts';
import { readDocument, textOfRun, type StoredRun } from './document.ts';
import { pendingEntry, pendingEvent, type PendingEntry } from './entries.ts';
import type { RunDocument, StorePart } from './names.ts';

export type Change = { kind: 'command'; write: CommandWrite } | { kind: 'edit'; write: EditWrite };

/** A run under change: the state of the next write. */
export interface Draft extends StoredRun {
  store: StorePart & Required<Pick<StorePart, 'pending' | 'events' | 'keys'>>;
  /** Texts of events added here, for the queue. */
  told: { event_id: string; text: string }[];
}

/** An Idempotency-Key applied to the run, with what is needed to give its outcome again. */
export interface AppliedKey {
  key: string;
  outcome: Outcome | Done;
}

/** A done outcome without its text: the fields that the change set. */
export interface Done {
  kind: 'done';
  set: Record<string, unknown>;
}

export function draftOf(document: RunDocument): Draft {
  const stored = readDocument(document);
  const { store } = stored;
  const lists = { pending: store?.pending ?? [], events: store?.events ?? [], keys: store?.keys ?? [] };
  const part = store?.entries === undefined ? { ...store, ...adopted(stored) } : store;
  return { ...stored, store: { ...lists, ...part }, told: [] };
}

/** A run that another program made has a history from here on: it begins with the status that it was found in. */
function adopted({ run }: StoredRun): Pick<StorePart, 'entries' | 'pending'> & { base: null } {
  const who = {
    at: run.started_at ?? run.updated_at,
    actor: null as unknown as string,
    reason: null,
    request_id: '',
  };
  const entry = {
    ...pendingEntry(who, { command: 'start', accepted: true, to: run.status }),
    request_id: null,
  };
  return { entries: 1, pending: [JSON.stringify(entry)], base: null };
}

/** Applies the change to the draft and says what is to be answered. */
export function apply(draft: Draft, change: Change): Outcome {
  const { version } = draft.run;
  const { expectedVersion } = change.write;
  if (expectedVersion !== undefined && expectedVersion !== version) return refuse(draft, change, 'version');
  if (change.kind === 'edit') {
    draft.run = edited(draft.run, change.write);
    note(draft, change, true);
    return { kind: 'done', text: textOfRun(draft) };
  }
  const { write } = change;
  const move = write.moves[draft.run.status];
  if (move === 'refused') return refuse(draft, change, 'status');
  if (move === 'declined') note(draft, change, false);
  if (move !== 'declined' && move !== 'same') {
    draft.run = withoutFault(moved(draft.run, move, write));
    draft.status = move;
    tell(draft, note(draft, change, true), move, write);
  }
  return { kind: 'done', text: textOfRun(draft) };
}

/** A status that could not be read has been replaced. */
function withoutFault(run: Experiment): Experiment {
  if (run.unreadable === undefined) return run;
  const { unreadable, ...rest } = run;
  const others = unreadable.filter((fault) => !fault.startsWith('status '));
  return others.length === 0 ? rest : { ...rest, unreadable: others };
}

function refuse(draft: Draft, change: Change, because: 'status' | 'version'): Outcome {
  note(draft, change, false);
  const { status, version } = draft.run;
  return { kind: 'refused', because, status, version };
}

export function entryOf(change: Change, accepted: boolean): PendingEntry {
  if (change.kind === 'edit') return pendingEntry(change.write, { command: 'edit', accepted });
  const { command, target } = change.write;
  return pendingEntry(change.write, { command, accepted, to: target });
}

function note({ store }: Draft, change: Change, accepted: boolean): PendingEntry {
  const entry = entryOf(change, accepted);
  store.pending = [...store.pending, JSON.stringify(entry)];
  store.entries += 1;
  return entry;
}

function tell(draft: Draft, entry: PendingEntry, to: Status, { event }: CommandWrite) {
  if (event === undefined) return;
  draft.store.events = [...draft.store.events, JSON.stringify(pendingEvent(entry, to, event))];
  draft.told.push({ event_id: event.event_id, text: textOfRun(draft) });
}
