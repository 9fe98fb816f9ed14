/** The events that wait for the Event Manager: they stand in their runs' documents; here is their order. */
import type { QueuedEvent } from '../store.ts';
import type { Calls } from './calls.ts';
import type { PendingEntry, PendingEvent } from './entries.ts';
import { exactly, readDocument, textOfRun } from './document.ts';
import type { Collections, RunDocument } from './names.ts';

interface QueuedReference {
  event_id: string;
  /** The run's id. */
  run: string;
  /** The run as it was after the change; made anew from the run as it is where it is not kept. */
  text?: string | undefined;
}

/** Texts kept in memory: only of so many events, and only short ones. */
const maxTexts = 1000;
const maxTextCharacters = 32 * 1024;

export interface EventQueue {
  add(event: QueuedReference): void;
  first(limit: number): Promise<QueuedEvent[]>;
  /** The runs in which these events stand. */
  holders(ids: readonly string[]): Map<string, Set<string>>;
  remove(ids: readonly string[]): void;
  /** Takes over what earlier processes left. */
  recover(): Promise<void>;
}

export function createEventQueue({ runs }: Pick<Collections, 'runs'>, calls: Calls): EventQueue {
  const waiting = new Map<string, QueuedReference>();

  async function read({ event_id, run, text }: QueuedReference): Promise<QueuedEvent | undefined> {
    const document = await calls.read(() => runs.findOne({ _id: run }, exactly));
    const event = document === null ? undefined : eventsOf(document).find((one) => one.event_id === event_id);
    if (document === null || event === undefined) return undefined;
    const { event_type, at } = event;
    return { event_id, event_type, at, run: text ?? textAfter(document, event) };
  }

  return {
    add: ({ event_id, run, text }) => {
      const isKept = text !== undefined && text.length <= maxTextCharacters && waiting.size < maxTexts;
      waiting.set(event_id, { event_id, run, text: isKept ? text : undefined });
    },
    first: async (limit) => {
      const found: QueuedEvent[] = [];
      for (const reference of [...waiting.values()].slice(0, limit)) {
        const event = await read(reference);
        if (event === undefined)
          waiting.delete(reference.event_id); // Another manager sent it.
        else found.push(event);
      }
      return found;
    },
    holders: (ids) => {
      const holders = new Map<string, Set<string>>();
      for (const id of ids) {
        const run = waiting.get(id)?.run;
        if (run !== undefined) holders.set(run, (holders.get(run) ?? new Set()).add(id));
      }
      return holders;
    },
    remove: (ids) => {
      for (const id of ids) waiting.delete(id);
    },
    recover: async () => {
      const left = await calls.read(() => runs.find({ '_store.events': { $gt: '' } }).toArray());
      const events = left.flatMap((document) =>
        eventsOf(document).map(({ event_id, at }) => ({ event_id, at, run: String(document._id) })),
      );
      // Stable: those of one run keep their order.
      for (const { event_id, run } of events.toSorted((one, other) =>
        one.at < other.at ? -1 : Number(one.at > other.at),
      )) {
        waiting.set(event_id, { event_id, run });
      }
    },
  };
}

export const eventsOf = (document: RunDocument): PendingEvent[] =>
  (document._store?.events ?? []).map((text) => JSON.parse(text) as PendingEvent);

/** The run as the change left it, as far as later changes can be taken back: names, tags and notes are those of now. */
export function textAfter(
  document: RunDocument,
  { mark, to, at, actor, reason, text }: PendingEvent,
): string {
  if (text !== undefined) return text;
  const { run } = readDocument(document);
  const entries = (document._store?.pending ?? []).map((entry) => JSON.parse(entry) as PendingEntry);
  const place = entries.findIndex((entry) => entry.mark === mark);
  const later = place < 0 ? 0 : entries.slice(place + 1).filter(({ accepted }) => accepted).length;
  const isLast = later === 0 && place >= 0;
  if (isLast) return textOfRun({ run });
  const isEnd = to === 'completed' || to === 'failed' || to === 'cancelled';
  const isStart = place >= 0 && entries[place]?.command === 'start';
  return textOfRun({
    run: {
      ...run,
      status: to,
      ended_at: isEnd ? at : null,
      updated_at: at,
      status_reason: isStart ? null : reason,
      actor,
      version: run.version - later,
    },
  });
}
