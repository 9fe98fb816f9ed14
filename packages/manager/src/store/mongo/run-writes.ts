/**
 * Commands and edits. One that comes alone and without a key is one round trip: its precondition is the filter, its effect the update. In all
 * other cases, and on FerretDB, the run is read, everything that waits for it is applied, and one write follows whose filter is that nothing
 * has changed.
 */
import type { Status } from '@madsci-ts/protocol';
import { statuses } from '@madsci-ts/protocol';
import { StoreError, edited, moved, type CommandWrite, type EditWrite, type Outcome } from '../store.ts';
import { apply, draftOf, entryOf, type Change, type Draft } from './changes.ts';
import { exactly, fieldUpdate, readDocument, storedIds, textOfRun, withNumbers } from './document.ts';
import { pendingEvent } from './entries.ts';
import { maxPendingCharacters, maxPendingEntries } from './limits.ts';
import type { MoveOut } from './history.ts';
import type { RunDocument, StorePart } from './names.ts';
import type { Shared } from './shared.ts';
import { HeldUp } from './turns.ts';

/** Tries of a write whose run changes under it: each failure is another manager's success. */
const maxTries = 1000;

/** Turns that a piece of work gets where it was held up. */
const maxTurns = 3;

/** Work on a run: changes the draft, is told when that is in the database. May be done again on a newer draft. */
interface RunWork {
  /** Null where there is no such run. */
  apply(draft: Draft | null): void;
  /** A change that may go alone in one round trip. */
  alone?: { change: Change; done(outcome: Outcome): void };
  finish(): void;
  fail(error: unknown): void;
}

export interface RunWrites {
  change(change: Change): Promise<Outcome>;
  /** Runs `step` on the run as it stands; resolves to its result once what it changed is in the database. */
  inspect<T>(id: string, step: (draft: Draft | null) => T): Promise<T>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

function createRunQueues(shared: Shared, moveOut: MoveOut) {
  const queues = new Map<string, RunWork[]>();
  const running = new Map<string, Promise<void>>();

  function enqueue(id: string, work: RunWork) {
    queues.set(id, [...(queues.get(id) ?? []), work]);
    if (!running.has(id)) running.set(id, drain(id));
  }

  async function drain(id: string) {
    await Promise.resolve();
    for (;;) {
      const works = queues.get(id);
      queues.delete(id);
      if (works === undefined) break;
      try {
        await inSomeTurn(id, works);
      } catch (error) {
        for (const work of works) work.fail(error);
      }
    }
    running.delete(id);
  }

  async function inSomeTurn(id: string, works: RunWork[]) {
    for (let turn = 1; ; turn++) {
      try {
        await shared.inTurn(`run ${id}`, (stillMine) => perform(id, works, stillMine));
        return;
      } catch (error) {
        if (!(error instanceof HeldUp) || turn === maxTurns) throw error;
      }
    }
  }

  async function perform(id: string, works: RunWork[], stillMine: () => void) {
    const [first, second] = works;
    if (shared.isAtomic && first?.alone !== undefined && second === undefined) {
      const { change, done } = first.alone;
      const before = await tryAlone(shared, change);
      if (before !== undefined) {
        done(settleAlone(shared, change, before));
        first.finish();
        if (isFull(before._store)) tidy(id);
        return;
      }
    }
    await performTogether(shared, moveOut, { id, works, stillMine });
    for (const work of works) work.finish();
  }

  const tidy = (id: string) => {
    enqueue(id, { apply: () => undefined, finish: () => undefined, fail: () => undefined });
  };

  return {
    enqueue,
    idle: async () => {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

export function createRunWrites(shared: Shared, moveOut: MoveOut): RunWrites {
  const { enqueue, idle } = createRunQueues(shared, moveOut);
  return {
    change: (change) =>
      new Promise((resolve, reject) => {
        let outcome: Outcome = { kind: 'missing' };
        enqueue(change.write.id, {
          apply: (draft) => (outcome = draft === null ? { kind: 'missing' } : apply(draft, change)),
          alone: { change, done: (done) => (outcome = done) },
          finish: () => resolve(outcome),
          fail: reject,
        });
      }),
    inspect: <T>(id: string, step: (draft: Draft | null) => T) =>
      new Promise<T>((resolve, reject) => {
        let result: T;
        enqueue(id, {
          apply: (draft) => (result = step(draft)),
          finish: () => resolve(result),
          fail: reject,
        });
      }),
    idle,
  };
}

const isFull = (store: StorePart | undefined) => {
  const pending = store?.pending ?? [];
  const characters = pending.reduce((sum, { length }) => sum + length, 0);
  return pending.length >= maxPendingEntries || characters > maxPendingCharacters;
};

/** One conditional update; resolves to the run as it was before, undefined where the change is not granted just like that. */
async function tryAlone({ collections, calls }: Shared, change: Change): Promise<RunDocument | undefined> {
  const { write } = change;
  const entry = entryOf(change, true);
  const { set, unset } = fieldUpdate(
    change.kind === 'edit' ? editedFields(change.write) : movedFields(change.write),
  );
  const push: Record<string, string> = { '_store.pending': JSON.stringify(entry) };
  if (change.kind === 'command' && change.write.event !== undefined) {
    push['_store.events'] = JSON.stringify(pendingEvent(entry, change.write.target, change.write.event));
  }
  const filter = {
    _id: write.id,
    '_store.entries': { $gte: 1 },
    ...(change.kind === 'edit' ? {} : { status: { $in: movable(change.write) } }),
    ...(write.expectedVersion === undefined ? {} : { version: write.expectedVersion }),
  };
  const update = {
    $set: set,
    ...(Object.keys(unset).length === 0 ? {} : { $unset: unset }),
    $inc: { version: 1, '_store.entries': 1 },
    $push: push,
  };
  const before = await calls.write(() =>
    collections.runs.findOneAndUpdate(filter, update as never, { returnDocument: 'before', ...exactly }),
  );
  return before === null ? undefined : withNumbers(before);
}

const isMove = (move: string): move is Status => (statuses as readonly string[]).includes(move);

/** The statuses from which the command moves the run; all of them to its target. */
const movable = ({ moves }: CommandWrite) => statuses.filter((status) => isMove(moves[status]));

/** What `moved` and `edited` of store.ts change, whatever the run; the version apart. */
function movedFields(write: CommandWrite) {
  const { status, ended_at, updated_at, status_reason, actor } = moved(
    { ended_at: null } as never,
    write.target,
    write,
  );
  const fields = { status, updated_at, status_reason, actor };
  return ended_at === null ? fields : { ...fields, ended_at };
}

const editedFields = (write: EditWrite) => {
  const { version: _version, ...fields } = edited({} as never, write);
  return fields;
};

function settleAlone({ counters, queue }: Shared, change: Change, before: RunDocument): Outcome {
  const { run } = readDocument(before);
  if (change.kind === 'edit') return { kind: 'done', text: textOfRun({ run: edited(run, change.write) }) };
  const { write } = change;
  const text = textOfRun({ run: moved(run, write.target, write) });
  counters.count(run.status, -1);
  counters.count(write.target, 1);
  if (write.event !== undefined) {
    counters.count('events', 1);
    queue.add({ event_id: write.event.event_id, run: write.id, text });
  }
  return { kind: 'done', text };
}

interface Together {
  id: string;
  works: RunWork[];
  stillMine(): void;
}

async function performTogether(shared: Shared, moveOut: MoveOut, { id, works, stillMine }: Together) {
  for (let tries = 0; tries < maxTries; tries++) {
    const document = await findRun(shared, id);
    if (document === undefined) {
      for (const work of works) work.apply(null);
      return;
    }
    const draft = draftOf(document);
    const kept = draft.store.pending.length;
    for (const work of works) work.apply(draft);
    if (isFull(document._store)) await moveOut(draft, kept);
    stillMine();
    if (await writeDraft(shared, document, draft)) return;
  }
  throw new StoreError('Too many changes of the same run at the same time; try again');
}

/** The document of a run, by any form that its id may be stored in. */
export async function findRun({ collections, calls }: Shared, id: string): Promise<RunDocument | undefined> {
  for (const stored of storedIds(id)) {
    const document = await calls.read(() => collections.runs.findOne({ _id: stored }, exactly));
    if (document !== null) return withNumbers(document);
  }
  return undefined;
}

/** False where the run has changed since it was read. */
async function writeDraft(shared: Shared, before: RunDocument, draft: Draft): Promise<boolean> {
  const { collections, calls, counters, queue } = shared;
  const update = updateOf(before, draft);
  if (update === undefined) return true;
  const entries = before._store?.entries;
  const unchanged =
    entries === undefined
      ? { '_store.entries': null, status: before['status'] ?? null }
      : { '_store.entries': entries };
  // FerretDB 1 reads the whole collection for any other filter than an id, and does not keep changes apart by it either.
  const filter = shared.isAtomic ? { _id: before._id, ...unchanged } : { _id: before._id };
  const { matchedCount } = await calls.write(() => collections.runs.updateOne(filter, update as never));
  if (matchedCount === 0) return false;
  const was = readDocument(before).run.status;
  if (was !== draft.run.status) {
    counters.count(was, -1);
    counters.count(draft.run.status, 1);
  }
  const change = draft.store.events.length - (before._store?.events?.length ?? 0);
  for (let count = 0; count < Math.abs(change); count++) counters.count('events', change > 0 ? 1 : -1);
  for (const { event_id, text } of draft.told) queue.add({ event_id, run: String(before._id), text });
  return true;
}

/** Undefined where nothing changes. */
function updateOf(before: RunDocument, draft: Draft) {
  const was = readDocument(before);
  const changed = Object.entries(draft.run).filter(
    ([name, value]) => name !== 'unreadable' && value !== was.run[name as keyof typeof was.run],
  );
  const isAdoption = before._store?.entries === undefined;
  const names = new Set(changed.map(([name]) => name));
  const lacking = isAdoption ? was.missing.filter((name) => !names.has(name)) : [];
  const filled = lacking.map((name) => [name, draft.run[name]]);
  const { set, unset } = fieldUpdate(Object.fromEntries([...changed, ...filled]) as never);
  const store: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(draft.store)) {
    const old = before._store?.[name as keyof StorePart];
    const isSame = JSON.stringify(value) === JSON.stringify(old ?? (Array.isArray(value) ? [] : undefined));
    if (!isSame) store[`_store.${name}`] = value;
  }
  if (names.size === 0 && Object.keys(store).length === 0) return undefined;
  // An adoption without a change: nothing but a look.
  if (isAdoption && names.size === 0 && draft.store.entries === 1) return undefined;
  const $set = { ...set, ...store };
  return Object.keys(unset).length === 0 ? { $set } : { $set, $unset: unset };
}
