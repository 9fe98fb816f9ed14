/** Stores to copy, and all that a store holds. */
import { randomUUID } from 'node:crypto';
import type { Archive, RecordKind, Records } from '../../packages/manager/src/store/archive.ts';
import { recordKinds } from '../../packages/manager/src/store/archive.ts';
import { openSqliteStore } from '../../packages/manager/src/store/sqlite/store.ts';
import type { Store } from '../../packages/manager/src/store/store.ts';
import { rawNumber, statuses, type Experiment } from '@madsci-ts/protocol';
import {
  commandOf,
  editOf,
  readHistory,
  readRuns,
  runIn,
  sampleRun,
  startOf,
} from '../../packages/manager/test/store/samples.ts';

/** Values that a database may want to spell otherwise. */
const trickyParameters = {
  float: rawNumber('1.0'),
  exponent: rawNumber('1e5'),
  big: rawNumber('9223372036854775807'),
  minusZero: rawNumber('-0'),
  $set: { 'a.b': [[1, [2]], []] },
  '': null,
  empty: {},
  text: 'ünï\u0000cödé 🧪 ',
} as unknown as Experiment['parameters'];

/** A SQLite store at `path` with `runs` plain runs, and some of everything else. */
export async function fillSqlite(path: string, runs: number): Promise<void> {
  const store = await openSqliteStore(path);
  try {
    await fill(store, runs);
  } finally {
    await store.close();
  }
}

export async function fill(store: Store, runs: number): Promise<void> {
  for (const status of statuses) await runIn(store, status);
  const tricky = sampleRun({ parameters: trickyParameters, started_at: new Date().toISOString() });
  await store.start(startOf(tricky, { undelivered: { fingerprint: 'lost' } }));
  const { _id: id } = await runIn(store, 'completed');
  await store.command(commandOf(id, 'cancel', { once: { key: 'refused', fingerprint: 'c' } }));
  const plain = Array.from({ length: runs }, async (_, index) => {
    const run = sampleRun({ notes: 'n'.repeat(index % 300) });
    const keyed = { once: { key: `key ${randomUUID()}`, fingerprint: String(index) } };
    await store.start(
      startOf(run, { ...keyed, event: { event_id: randomUUID(), event_type: 'experiment_start' } }),
    );
    if (index % 10 === 0) await store.edit(editOf(run._id, { notes: 'edited' }));
  });
  await Promise.all(plain);
  for (const name of ['spring', 'autumn', 'spring']) {
    await store.putCampaign({ id: name, document: { campaign_name: name, experiment_ids: null } });
  }
}

/** Every record of a store as JSON text, sorted, by kind. */
export async function contentOf(archive: Archive): Promise<Record<RecordKind, string[]>> {
  const content = {} as Record<RecordKind, string[]>;
  for (const kind of recordKinds) {
    const records = await readAll(archive, kind);
    content[kind] = records.map((record) => JSON.stringify(record)).toSorted();
  }
  return content;
}

export async function readAll<Kind extends RecordKind>(
  archive: Archive,
  kind: Kind,
): Promise<Records[Kind][]> {
  const records: Records[Kind][] = [];
  let after: string | undefined;
  do {
    const page = await archive.read(kind, after);
    records.push(...page.records);
    after = page.next;
  } while (after !== undefined);
  return records;
}

/** All that can be seen of a store through its own calls. */
export async function seenOf(store: Store) {
  const runs = await readRuns(store);
  const histories: unknown[] = [];
  for (const { _id } of runs) histories.push(await readHistory(store, _id));
  const campaigns = (await store.campaigns({ limit: 100 })).map(({ text }) => text);
  const [counts, events] = [await store.counts(), await store.events(10_000)];
  return { runs, histories, campaigns, counts, events, undelivered: await store.undelivered(0) };
}
