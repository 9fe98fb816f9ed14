/** The store on MongoDB or FerretDB, for any number of managers at once. */
import { ulid } from 'ulid';
import { StoreError, type Page, type Store } from '../store.ts';
import { createCalls, type Calls } from './calls.ts';
import { createCampaigns } from './campaigns.ts';
import type { Change } from './changes.ts';
import { refuseUnfinishedCopy } from './copy-mark.ts';
import { createCounters, type Counters } from './counters.ts';
import { createDelivered } from './delivered.ts';
import { textOfRun, readDocument } from './document.ts';
import { createEventQueue } from './event-queue.ts';
import { createMoveOut, readHistory } from './history.ts';
import { checkTimeoutMs, maxFerretWrites, requestTimeoutMs } from './limits.ts';
import { collectionsOf, createIndexes, type Collections } from './names.ts';
import { changeOnce, createOnce, type Once } from './once.ts';
import { checkVersion, connect, type Connected, type MongoPlace } from './open.ts';
import { createPresence } from './presence.ts';
import { readRuns } from './reads.ts';
import { createRunWrites, findRun, type RunWrites } from './run-writes.ts';
import { createSelf, type Self } from './self.ts';
import type { Shared } from './shared.ts';
import { createStarts } from './starts.ts';
import { createTurns, noTurns, type InTurn } from './turns.ts';

export { maxBodyBytes } from './limits.ts';

/**
 * Opens the store; waits for a database that does not answer, 30 s unless told otherwise.
 *
 * @throws StoreError (as a rejection) which says what is wrong, without secrets
 */
export async function openMongoStore(place: MongoPlace, timeoutMs?: number): Promise<Store> {
  const connected = await connect(place, timeoutMs);
  try {
    await checkVersion(connected.database);
    await refuseUnfinishedCopy(connected.database, place.collection);
    return await prepare(connected, collectionsOf(connected.database, place.collection));
  } catch (error) {
    await connected.client.close();
    throw error;
  }
}

async function prepare(connected: Connected, collections: Collections): Promise<Store> {
  const later: { counters?: Counters } = {};
  const maxWrites = connected.isAtomic ? Infinity : maxFerretWrites;
  const calls = createCalls({
    where: connected.where,
    maxWrites,
    onUnknown: () => later.counters?.recountSoon(),
  });
  await createIndexes(collections);
  const self = await createSelf(collections.managers, calls, ulid());
  const { inTurn, leave } = await turnsOf(connected, { collections, calls, self });
  const counters = await createCounters({ self: self.id, collections, calls, inTurn });
  later.counters = counters;
  const queue = createEventQueue(collections, calls);
  await queue.recover();
  const shared = { collections, calls, inTurn, isAtomic: connected.isAtomic, counters, queue };
  return assemble(connected, shared, { self, leave });
}

async function turnsOf(
  { isAtomic }: Connected,
  { collections, calls, self }: { collections: Collections; calls: Calls; self: Self },
): Promise<{ inTurn: InTurn; leave: () => Promise<void> }> {
  if (isAtomic) return { inTurn: noTurns, leave: () => Promise.resolve() };
  const presence = await createPresence(collections.managers, calls, self);
  const inTurn = createTurns({ turns: collections.turns, calls, by: self.id, enter: presence.enter });
  return { inTurn, leave: presence.close };
}

function assemble(
  connected: Connected,
  shared: Shared,
  { self, leave }: { self: Self; leave: () => Promise<void> },
): Store {
  const { collections, calls, counters, queue, inTurn } = shared;
  const once = createOnce(shared);
  const runs = createRunWrites(shared, createMoveOut(collections, calls));
  const delivered = createDelivered(collections, calls, self);
  const starts = createStarts(shared, once, delivered);
  const campaigns = createCampaigns(shared, once);
  const { accept, close } = closing(connected, async () => {
    await starts.idle();
    await runs.idle();
    await delivered.close();
    await counters.close();
    await leave();
    calls.close();
  });
  const change = (one: Change) => {
    const key = one.write.once;
    return accept(() =>
      key === undefined ? runs.change(one) : changeOnce({ once, runs, inTurn }, one, key),
    );
  };
  return {
    start: (write) => accept(() => starts.start(write)),
    command: (write) => change({ kind: 'command', write }),
    edit: (write) => change({ kind: 'edit', write }),
    putCampaign: (write) => accept(() => campaigns.put(write)),
    run: (id) => accept(() => readRun(shared, id)),
    runs: (page) => accept(() => readRuns(shared, page)),
    history: (id, page) => accept(() => historyOf(shared, id, page)),
    campaign: (id) => accept(() => campaigns.get(id)),
    campaigns: (page) => accept(() => campaigns.page(page)),
    counts: () => accept(counters.counts),
    events: (limit) => accept(() => queue.first(limit)),
    dropEvents: (ids) => accept(() => dropEvents(shared, runs, ids)),
    undelivered: (since) => accept(() => delivered.since(since)),
    forgetUndelivered: delivered.forget,
    dropOnce: (before) => accept(() => dropOld(shared, once, before), Infinity),
    check: () =>
      accept(
        async () => void (await calls.read(() => connected.database.command({ ping: 1 }), checkTimeoutMs)),
      ),
    close,
  };
}

async function readRun(shared: Shared, id: string): Promise<string | undefined> {
  const document = await findRun(shared, id);
  return document === undefined ? undefined : textOfRun(readDocument(document));
}

async function historyOf(shared: Shared, id: string, page: Page): Promise<string[] | undefined> {
  const document = await findRun(shared, id);
  if (document === undefined) return undefined;
  return readHistory(shared.collections, shared.calls, { document, page });
}

/** Lets calls in until the store is closed, and closes it once they are done. */
function closing({ client, where }: Connected, finish: () => Promise<void>) {
  const under = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;

  /** What outlasts its time goes on by itself; closing waits for it. */
  async function accept<T>(work: () => Promise<T>, timeoutMs: number = requestTimeoutMs): Promise<T> {
    if (closed !== undefined) throw new StoreError(`The database at ${where} is closed`);
    const mine = work();
    under.add(mine);
    const over = () => under.delete(mine);
    mine.then(over, over);
    return timeoutMs === Infinity ? mine : inTime(mine, timeoutMs, where);
  }

  async function shut() {
    await Promise.allSettled(under);
    await finish();
    await client.close();
  }

  return { accept, close: () => (closed ??= shut()) };
}

async function inTime<T>(work: Promise<T>, timeoutMs: number, where: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const text = `The database at ${where} took too long; whether the change was made is not known`;
  const timer = setTimeout(() => late.reject(new StoreError(text)), timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function dropEvents({ queue }: Shared, runs: RunWrites, ids: readonly string[]) {
  for (const [run, events] of queue.holders(ids)) {
    await runs.inspect(run, (draft) => {
      if (draft === null) return;
      const isKept = (text: string) => !events.has((JSON.parse(text) as { event_id: string }).event_id);
      draft.store.events = draft.store.events.filter(isKept);
    });
  }
  queue.remove(ids);
}

async function dropOld({ collections: { managers }, calls }: Shared, once: Once, before: number) {
  await once.drop(before);
  await calls.write(() => managers.deleteMany({ alive_at: { $lt: before } }));
}
