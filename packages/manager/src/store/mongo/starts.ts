/** Starts: those that arrive together are one insertMany, each with its own outcome. */
import { parseJson, type Experiment } from '@madsci-ts/protocol';
import { StoreError, type Outcome, type StartWrite } from '../store.ts';
import { createBatches } from './batches.ts';
import { toDocument } from './document.ts';
import type { Delivered } from './delivered.ts';
import { pendingEntry, pendingEvent } from './entries.ts';
import { insertAll } from './inserts.ts';
import type { RunDocument } from './names.ts';
import type { Once } from './once.ts';
import type { Shared } from './shared.ts';

export interface Starts {
  start(write: StartWrite): Promise<Outcome>;
  idle(): Promise<void>;
}

export function createStarts(shared: Shared, once: Once, delivered: Delivered): Starts {
  const { counters, queue } = shared;
  const inserts = createInserts(shared);

  /** False where the run was there before. */
  async function insert(write: StartWrite, text: string): Promise<boolean> {
    if (!(await inserts.add(documentOf(write, delivered)))) return false;
    counters.count(write.run.status, 1);
    if (write.event !== undefined) {
      counters.count('events', 1);
      queue.add({ event_id: write.event.event_id, run: write.run._id, text });
    }
    return true;
  }

  async function startOnce(write: StartWrite, key: NonNullable<StartWrite['once']>): Promise<Outcome> {
    const kept = await once.claim(key, JSON.stringify(write.run));
    if (kept.kind === 'reused') return { kind: 'key_reused' };
    // A process may have died between key and run: the run of the key is inserted unless it is there.
    const text = kept.kind === 'new' ? JSON.stringify(write.run) : (kept.intent ?? '');
    const run = kept.kind === 'new' ? write.run : (parseJson(text) as unknown as Experiment);
    await insert({ ...write, run, at: run.started_at ?? write.at, actor: run.actor ?? write.actor }, text);
    return { kind: 'done', text };
  }

  return {
    start: async (write) => {
      if (write.once !== undefined) return startOnce(write, write.once);
      const text = JSON.stringify(write.run);
      if (await insert(write, text)) return { kind: 'done', text };
      throw new StoreError(`There is a run ${write.run._id} already`);
    },
    idle: inserts.idle,
  };
}

function documentOf(write: StartWrite, delivered: Delivered): RunDocument {
  const { run, event, undelivered } = write;
  const entry = pendingEntry(write, { command: 'start', accepted: true, to: run.status });
  return toDocument(run, {
    entries: 1,
    base: null,
    pending: [JSON.stringify(entry)],
    ...(event === undefined ? {} : { events: [JSON.stringify(pendingEvent(entry, run.status, event))] }),
    ...(undelivered === undefined ? {} : { undelivered: delivered.mark(run._id, undelivered, write.at) }),
  });
}

/** Inserts documents; false for one whose `_id` is taken. */
function createInserts({ collections, calls }: Shared) {
  return createBatches<RunDocument, boolean>((documents) =>
    insertAll(
      () => calls.write(() => collections.runs.insertMany(documents, { ordered: false })),
      documents.length,
    ),
  );
}
