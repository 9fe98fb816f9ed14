/** The records of a MongoDB store, each kind in an order of its own that does not change. */
import { ObjectId, type Collection, type Filter, type FindOptions } from 'mongodb';
import type { Outcome } from '../store.ts';
import type { RecordKind, Records } from '../archive.ts';
import { withVersion } from './campaigns.ts';
import type { AppliedKey } from './changes.ts';
import { draftOf } from './changes.ts';
import { createDelivered } from './delivered.ts';
import { exactly, readDocument, textOfRun, withNumbers } from './document.ts';
import { movedOut } from './entries.ts';
import { eventsOf, textAfter } from './event-queue.ts';
import { readHistory } from './history.ts';
import type { Calls } from './calls.ts';
import { preparationTimeoutMs } from './limits.ts';
import type { Collections, HistoryDocument, OnceDocument, RunDocument, StoredId } from './names.ts';
import { restored } from './once.ts';

/** A record and its place in the order. */
export interface Placed<Kind extends RecordKind> {
  place: string;
  record: Records[Kind];
}

export type Streams = { [Kind in RecordKind]: () => AsyncGenerator<Placed<Kind>> };

export interface StreamOptions {
  collections: Collections;
  calls: Calls;
  /** Milliseconds since 1970. */
  undeliveredSince: number;
}

/** Documents of a page. */
const pageSize = 500;

/** Where texts and ObjectIds begin: a comparison finds values of its own type alone. */
const beginnings = ['', ObjectId.createFromHexString('0'.repeat(24))];

/** Runs as they are stored. */
async function* allRuns({ runs: all }: Collections): AsyncGenerator<RunDocument> {
  for await (const document of allOf(all, exactly)) yield withNumbers(document);
}

/**
 * All documents by `_id`, in pages: on FerretDB an open cursor keeps every other call waiting, also one of its own reader.
 */
async function* allOf<Document extends { _id: StoredId }>(
  collection: Collection<Document>,
  options?: FindOptions,
): AsyncGenerator<Document> {
  for (const beginning of beginnings) {
    let last: StoredId | undefined = beginning;
    while (last !== undefined) {
      const filter = { _id: { $gt: last } } as Filter<Document>;
      const page = await collection.find(filter, options).sort({ _id: 1 }).limit(pageSize).toArray();
      yield* page as Document[];
      last = page.length < pageSize ? undefined : page.at(-1)?._id;
    }
  }
}

export function createStreams(options: StreamOptions): Streams {
  return {
    run: () => runs(options),
    history: () => history(options),
    once: () => once(options),
    event: () => events(options),
    campaign: () => campaigns(options),
  };
}

async function* runs({ collections, calls, undeliveredSince }: StreamOptions): AsyncGenerator<Placed<'run'>> {
  const nobody = { id: '', save: () => Promise.resolve(), remove: () => Promise.resolve() };
  const left = await createDelivered(collections, calls, nobody).since(undeliveredSince);
  const undelivered = new Map(left.map(({ id, fingerprint, at }) => [id, { fingerprint, at }]));
  for await (const document of allRuns(collections)) {
    const { run, store } = draftOf(document);
    const id = String(document._id);
    const record = {
      id,
      text: textOfRun({ run }),
      entries: store.entries,
      undelivered: undelivered.get(id) ?? null,
    };
    yield { place: id, record };
  }
}

/** Runs and moved entries lie in the same order, so that one pass over both is enough. */
async function* history({ collections, calls }: StreamOptions): AsyncGenerator<Placed<'history'>> {
  const entries = allOf(collections.history);
  let next = await entries.next();
  for await (const document of allRuns(collections)) {
    const run = String(document._id);
    // The entries of a run with an ObjectId stand elsewhere.
    const until = typeof document._id === 'string' ? run : '';
    const moved = movedOut(draftOf(document).store);
    const texts: string[] = [];
    // What stands before this run belongs to none; what stands behind the moved ones is in the document still.
    while (next.done !== true && runOf(next.value) <= until) {
      const { run: owner, sequence, entry } = next.value;
      if (owner === run && sequence <= moved) texts.push(entry);
      next = await entries.next();
    }
    const page = { limit: Number.MAX_SAFE_INTEGER, after: texts.length };
    texts.push(...(await readHistory(collections, calls, { document, page })));
    for (const [index, text] of texts.entries()) {
      yield { place: `${run}/${index + 1}`, record: { run, sequence: index + 1, text } };
    }
  }
}

const runOf = ({ _id }: HistoryDocument) => _id.slice(0, _id.lastIndexOf('/'));

async function* once({ collections }: StreamOptions): AsyncGenerator<Placed<'once'>> {
  let applied: Map<string, Outcome> | undefined;
  for await (const document of allOf(collections.once)) {
    const { _id: key, fingerprint, at } = document;
    let { outcome } = document;
    if (outcome === undefined) {
      // A process died before it kept the outcome. Where nothing was done under the key, it is free.
      applied ??= await appliedKeys(collections);
      const found = (await intended(collections, document)) ?? applied.get(key);
      outcome = found && JSON.stringify(found);
    }
    if (outcome !== undefined) yield { place: key, record: { key, fingerprint, at, outcome } };
  }
}

/** The outcomes that stand in the runs' documents. */
async function appliedKeys(collections: Collections): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  for await (const document of allRuns(collections)) {
    const keys = (document._store?.keys ?? []).map((text) => JSON.parse(text) as AppliedKey);
    const { run } = readDocument(document);
    for (const { key, outcome } of keys) found.set(key, restored({ run }, outcome));
  }
  return found;
}

/** What became of a start or of a campaign that was to be written. */
async function intended(
  { runs: all, campaigns: registered }: Collections,
  { _id: key, intent }: OnceDocument,
): Promise<Outcome | undefined> {
  if (intent === undefined) return undefined;
  const { _id: id } = JSON.parse(intent) as { _id?: string };
  if (id !== undefined && (await all.findOne({ _id: id })) !== null) return { kind: 'done', text: intent };
  for (const { keys, version } of await registered.find({ text: intent }).toArray()) {
    if (keys.some((one) => one.key === key)) return { kind: 'done', text: withVersion(intent, version) };
  }
  return undefined;
}

/** Oldest first; those of one run keep their order. */
async function* events({ collections, calls }: StreamOptions): AsyncGenerator<Placed<'event'>> {
  const waiting: { event_id: string; at: string; id: RunDocument['_id'] }[] = [];
  const query = () =>
    collections.runs
      .find({ '_store.events': { $gt: '' } }, exactly)
      .sort({ _id: 1 })
      .project<Pick<RunDocument, '_id' | '_store'>>({ '_store.events': 1 })
      .toArray();
  for (const document of await calls.read(query, preparationTimeoutMs)) {
    waiting.push(...eventsOf(document).map(({ event_id, at }) => ({ event_id, at, id: document._id })));
  }
  waiting.sort((one, other) => (one.at < other.at ? -1 : Number(one.at > other.at)));
  for (let from = 0; from < waiting.length; from += pageSize) {
    const part = waiting.slice(from, from + pageSize);
    const ids = [...new Set(part.map(({ id }) => id))];
    const found = await collections.runs.find({ _id: { $in: ids } }, exactly).toArray();
    const byId = new Map(found.map((document) => [String(document._id), withNumbers(document)]));
    for (const { event_id, id } of part) {
      const document = byId.get(String(id));
      const event = document && eventsOf(document).find((one) => one.event_id === event_id);
      if (document === undefined || event === undefined) continue;
      const { event_type, at } = event;
      yield { place: event_id, record: { event_id, event_type, at, run: textAfter(document, event) } };
    }
  }
}

async function* campaigns({ collections }: StreamOptions): AsyncGenerator<Placed<'campaign'>> {
  const all = await collections.campaigns.find().sort({ position: 1 }).toArray();
  for (const { _id: id, version, text } of all) {
    const record = { id, version, text: withVersion(text, version) };
    yield { place: id, record };
  }
}
