/** What was done under an Idempotency-Key. */
import type { Once as Key, Outcome } from '../store.ts';
import { createBatches } from './batches.ts';
import { apply, type AppliedKey, type Change, type Done, type Draft } from './changes.ts';
import { textOfRun } from './document.ts';
import { maxKeys } from './limits.ts';
import type { OnceDocument } from './names.ts';
import type { RunWrites } from './run-writes.ts';
import type { Shared } from './shared.ts';
import { insertAll } from './inserts.ts';

/** Most outcomes dropped in one round trip. */
const dropBatch = 1000;

type Claim = { kind: 'new' } | { kind: 'reused' } | { kind: 'known'; intent?: string; outcome?: Outcome };

export interface Once {
  /** Takes the key, with what is to be written where that is known before. */
  claim(key: Key, intent?: string): Promise<Claim>;
  /** Keeps the outcome unless there is one; resolves to the one that is kept. */
  keep(key: string, outcome: Outcome): Promise<Outcome>;
  /** Nothing was done: the key is free again. */
  release(key: string): Promise<void>;
  /** The keys among these whose outcome is kept, or that are forgotten. */
  settled(keys: readonly string[]): Promise<Set<string>>;
  drop(before: number): Promise<void>;
  idle(): Promise<void>;
}

export function createOnce({
  collections: { once },
  calls,
  isAtomic,
}: Pick<Shared, 'collections' | 'calls' | 'isAtomic'>): Once {
  const inserts = createBatches<OnceDocument, boolean>((documents) =>
    insertAll(() => calls.write(() => once.insertMany(documents, { ordered: false })), documents.length),
  );
  const find = (key: string) => calls.read(() => once.findOne({ _id: key }));

  return {
    claim: async ({ key, fingerprint }, intent) => {
      const document = { _id: key, fingerprint, at: Date.now(), ...(intent === undefined ? {} : { intent }) };
      if (await inserts.add(document)) return { kind: 'new' };
      const known = await find(key);
      if (known === null) return { kind: 'new' }; // Dropped in between.
      if (known.fingerprint !== fingerprint) return { kind: 'reused' };
      return {
        kind: 'known',
        ...(known.intent === undefined ? {} : { intent: known.intent }),
        ...(known.outcome === undefined ? {} : { outcome: JSON.parse(known.outcome) as Outcome }),
      };
    },
    keep: async (key, outcome) => {
      // FerretDB 1 reads the whole collection for any other filter than an id; there the key's turn keeps others away.
      const unkept = isAtomic ? { _id: key, outcome: { $exists: false } } : { _id: key };
      const before = isAtomic ? null : await find(key);
      if (before?.outcome !== undefined) return JSON.parse(before.outcome) as Outcome;
      const change = { $set: { outcome: JSON.stringify(outcome) } };
      const { matchedCount } = await calls.write(() => once.updateOne(unkept, change));
      if (matchedCount === 1) return outcome;
      const kept = await find(key);
      return kept?.outcome === undefined ? outcome : (JSON.parse(kept.outcome) as Outcome);
    },
    release: async (key) => {
      await calls.write(() => once.deleteOne({ _id: key, outcome: { $exists: false } }));
    },
    settled: async (keys) => {
      const found = await Promise.all(keys.map(find));
      return new Set(keys.filter((_, index) => found[index]?.outcome !== undefined || found[index] === null));
    },
    drop: async (before) => {
      for (;;) {
        const query = () =>
          once
            .find({ at: { $lt: before } })
            .project({ _id: 1 })
            .limit(dropBatch)
            .toArray();
        const ids = (await calls.read(query)).map(({ _id }) => _id as string);
        if (ids.length > 0) await calls.write(() => once.deleteMany({ _id: { $in: ids } }));
        if (ids.length < dropBatch) return;
      }
    },
    idle: inserts.idle,
  };
}

/** A command or an edit under a key: the key first, then the run with the key in it, then the outcome beside the key. */
export async function changeOnce(
  { once, runs, inTurn }: { once: Once; runs: RunWrites; inTurn: Shared['inTurn'] },
  change: Change,
  key: Key,
): Promise<Outcome> {
  return inTurn(`key ${key.key}`, async () => {
    const claim = await once.claim(key);
    if (claim.kind === 'reused') return { kind: 'key_reused' };
    if (claim.kind === 'known' && claim.outcome !== undefined) return claim.outcome;
    const done = await runs.inspect(change.write.id, (draft) => applyOnce(draft, change, key.key));
    if (done.outcome.kind === 'missing') {
      await once.release(key.key);
      return done.outcome;
    }
    const outcome = await once.keep(key.key, done.outcome);
    if (done.keys > maxKeys) await forgetSettled(once, runs, change.write.id);
    return outcome;
  });
}

function applyOnce(draft: Draft | null, change: Change, key: string): { outcome: Outcome; keys: number } {
  if (draft === null) return { outcome: { kind: 'missing' }, keys: 0 };
  const applied = draft.store.keys
    .map((text) => JSON.parse(text) as AppliedKey)
    .find((one) => one.key === key);
  if (applied !== undefined)
    return { outcome: restored(draft, applied.outcome), keys: draft.store.keys.length };
  const { entries } = draft.store;
  const before = draft.run;
  const outcome = apply(draft, change);
  if (draft.store.entries > entries) {
    const note: AppliedKey = {
      key,
      outcome: outcome.kind === 'done' ? { kind: 'done', set: difference(before, draft.run) } : outcome,
    };
    draft.store.keys = [...draft.store.keys, JSON.stringify(note)];
  }
  return { outcome, keys: draft.store.keys.length };
}

function difference(before: object, after: object): Record<string, unknown> {
  const old = new Map(Object.entries(before));
  const always = new Set(['status', 'ended_at', 'updated_at', 'status_reason', 'actor', 'version']);
  return Object.fromEntries(
    Object.entries(after).filter(([name, value]) => always.has(name) || old.get(name) !== value),
  );
}

/** The outcome of a change whose process died before it was kept: the run as it is, with what that change set. */
export function restored({ run }: Pick<Draft, 'run'>, outcome: Outcome | Done): Outcome {
  if (!('set' in outcome)) return outcome;
  return { kind: 'done', text: textOfRun({ run: { ...run, ...outcome.set } }) };
}

/** Takes from the run's document the oldest keys, which are needed there only until their outcome is kept. */
async function forgetSettled(once: Once, runs: RunWrites, id: string) {
  const keyOf = (text: string) => (JSON.parse(text) as AppliedKey).key;
  const old = await runs.inspect(id, (draft) => (draft?.store.keys ?? []).slice(0, -maxKeys).map(keyOf));
  const settled = await once.settled(old);
  await runs.inspect(id, (draft) => {
    if (draft !== null) draft.store.keys = draft.store.keys.filter((text) => !settled.has(keyOf(text)));
  });
}
