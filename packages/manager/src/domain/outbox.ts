/**
 * Tells the laboratory's Event Manager of every accepted change: in the order in which they happened, at least once, under an id that
 * stays the same (the Event Manager keeps the first). While it is away the events wait in the store; a run is never held up by it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseJson, toNaiveLocal, type Experiment } from '@madsci-ts/protocol';
import type { QueuedEvent, Store } from '../store/store.ts';

/** Events read and dropped at once. */
const batchSize = 100;

/** Waits between tries while the Event Manager is away: doubling from a second to a minute. */
const firstWaitMs = 1000;
const longestWaitMs = 60_000;

/** Python's logging.INFO, which MADSci gives these events. */
const infoLevel = 20;

/** An event as POST /event of the Event Manager takes it. */
interface LaboratoryEvent {
  event_id: string;
  event_type: string;
  log_level: number;
  alert: boolean;
  event_timestamp: string;
  source: Record<string, string>;
  event_data: { experiment: Record<string, unknown> };
}

/** `refused`: the Event Manager will never take this event. Rejects where it could not be asked. */
export type SendEvent = (event: LaboratoryEvent, signal: AbortSignal) => Promise<'taken' | 'refused'>;

interface OutboxLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Outbox {
  /** There may be something to send. */
  wake(): void;
  /** Gives up what is under way; the store keeps it. */
  stop(): Promise<void>;
}

export interface OutboxOptions {
  store: Pick<Store, 'events' | 'dropEvents'>;
  send: SendEvent;
  managerId: string;
  log: OutboxLog;
}

export function startOutbox({ store, send, managerId, log }: OutboxOptions): Outbox {
  const stopping = new AbortController();
  const { signal } = stopping;
  let news = Promise.withResolvers<void>();
  let failures = 0;

  async function sendOne(queued: QueuedEvent) {
    const event = laboratoryEvent(queued, managerId);
    if ((await send(event, signal)) === 'taken') return;
    const { event_id, event_type } = queued;
    log.error({ event_id, event_type }, 'the Event Manager refuses this event; it is dropped');
  }

  /** Sends what waits, oldest first, and drops what was taken, also where a later one fails. */
  async function sendBatch(): Promise<number> {
    const batch = await store.events(batchSize);
    const done: string[] = [];
    try {
      for (const queued of batch) {
        await sendOne(queued);
        done.push(queued.event_id);
      }
    } finally {
      if (done.length > 0) await store.dropEvents(done);
    }
    return batch.length;
  }

  async function work() {
    try {
      const sent = await sendBatch();
      if (failures > 0) log.info({}, 'the Event Manager takes events again');
      failures = 0;
      if (sent < batchSize) await news.promise;
      news = Promise.withResolvers<void>();
    } catch (error) {
      if (signal.aborted) return;
      if (failures === 0) log.warn({ err: error }, 'the Event Manager cannot be reached; events wait for it');
      await delay(Math.min(longestWaitMs, firstWaitMs * 2 ** failures), undefined, { signal }).catch(
        () => undefined,
      );
      failures = Math.min(failures + 1, 10);
    }
  }

  const running = (async () => {
    while (!signal.aborted) await work();
  })();
  return {
    wake: () => news.resolve(),
    stop: async () => {
      stopping.abort();
      news.resolve();
      await running;
    },
  };
}

/** MADSci's shape: `experiment_id` inside, times without a zone as its own events have, since the Event Manager sorts them as text. */
function laboratoryEvent({ event_id, event_type, at, run }: QueuedEvent, managerId: string): LaboratoryEvent {
  const { _id, experiment_id: _same, ...experiment } = parseJson(run) as unknown as Experiment;
  const source = { ...experiment.ownership_info, experiment_id: _id, manager_id: managerId };
  return {
    event_id,
    event_type,
    log_level: infoLevel,
    alert: false,
    event_timestamp: toNaiveLocal(at),
    source,
    event_data: { experiment: { experiment_id: _id, ...experiment } },
  };
}
