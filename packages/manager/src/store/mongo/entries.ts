/**
 * History entries in a run's document. A command appends one without knowing what stands there, so that place and earlier status are
 * not in it: they follow from its place in the list.
 */
import { ulid } from 'ulid';
import type { HistoryEntry, Status } from '@madsci-ts/protocol';
import { historyEntry, type Attribution, type OutgoingEvent } from '../store.ts';
import type { StorePart } from './names.ts';

/** `to` is absent for an edit, which stays where it is. */
export interface PendingEntry extends Pick<HistoryEntry, 'command' | 'accepted'>, Attribution {
  to?: Status;
  /** Told apart by this: two equal texts in a list would be one. */
  mark: string;
}

/** What waits for the Event Manager, with what a change made of the run. */
export interface PendingEvent extends OutgoingEvent, Pick<PendingEntry, 'at' | 'actor' | 'reason' | 'mark'> {
  to: Status;
  /** The run as the change left it, where that cannot be told from the run as it is: after a copy. */
  text?: string;
}

export function pendingEntry(
  { at, actor, reason, request_id }: Attribution,
  step: Pick<PendingEntry, 'command' | 'accepted' | 'to'>,
): PendingEntry {
  return { ...step, at, actor, reason, request_id, mark: ulid() };
}

export function pendingEvent(entry: PendingEntry, to: Status, event: OutgoingEvent): PendingEvent {
  const { at, actor, reason, mark } = entry;
  return { ...event, at, actor, reason, mark, to };
}

const pendingOf = (store: StorePart | undefined): string[] => store?.pending ?? [];

/** How many entries stand in the history collection. */
export const movedOut = (store: StorePart): number => store.entries - pendingOf(store).length;

/** The pending entries as the history shows them. `base` is the status before the first. */
export function numbered(
  store: StorePart,
  base: Status | null,
): { entries: HistoryEntry[]; last: Status | null } {
  let status = base;
  let sequence = movedOut(store);
  const entries = pendingOf(store).map((text) => {
    const { command, accepted, to, ...who } = JSON.parse(text) as PendingEntry;
    const reached = to ?? (status as Status);
    const step = { sequence: ++sequence, command, from: status, to: reached, accepted };
    if (accepted) status = reached;
    return historyEntry(who, step);
  });
  return { entries, last: status };
}
