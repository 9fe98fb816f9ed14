/** Campaigns: each its own document, whose version is the precondition of every change. */
import { StoreError, type CampaignWrite, type Outcome, type Page } from '../store.ts';
import { isDuplicate } from './errors.ts';
import { maxKeys } from './limits.ts';
import type { CampaignDocument } from './names.ts';
import type { Once } from './once.ts';
import type { Shared } from './shared.ts';

/** Positions count microseconds from here: 15 digits, as many as a cursor has, last until 2051. */
const campaignEpoch = Date.parse('2020-01-01T00:00:00.000Z');

const maxTries = 1000;

export interface Campaigns {
  put(write: CampaignWrite): Promise<Outcome>;
  get(id: string): Promise<string | undefined>;
  page(page: Page): Promise<{ text: string; position: number }[]>;
}

export function createCampaigns(shared: Shared, once: Once): Campaigns {
  const { collections, calls, inTurn } = shared;
  const nextPosition = createPositions();

  async function tryPut(id: string, text: string, key?: string): Promise<number | undefined> {
    const before = await calls.read(() => collections.campaigns.findOne({ _id: id }));
    const applied = before?.keys.find((one) => one.key === key);
    if (applied !== undefined && key !== undefined) return applied.version;
    const version = (before?.version ?? 0) + 1;
    const keys =
      key === undefined ? (before?.keys ?? []) : [...(before?.keys ?? []), { key, version }].slice(-maxKeys);
    if (before === null) {
      const document: CampaignDocument = { _id: id, position: nextPosition(), version, text, keys };
      return (await wasInserted(() => calls.write(() => collections.campaigns.insertOne(document))))
        ? version
        : undefined;
    }
    const change = { $set: { version, text, keys } };
    const { matchedCount } = await calls.write(() =>
      collections.campaigns.updateOne({ _id: id, version: before.version }, change),
    );
    return matchedCount === 1 ? version : undefined;
  }

  async function putText(id: string, text: string, key?: string): Promise<string> {
    for (let tries = 0; tries < maxTries; tries++) {
      const version = await inTurn(`campaign ${id}`, () => tryPut(id, text, key));
      if (version !== undefined) return withVersion(text, version);
    }
    throw new StoreError('Too many changes of the same campaign at the same time; try again');
  }

  return {
    put: async ({ id, document, once: key }) => {
      const { version: _version, ...rest } = document;
      const text = JSON.stringify(rest);
      if (key === undefined) return { kind: 'done', text: await putText(id, text) };
      const claim = await once.claim(key, text);
      if (claim.kind === 'reused') return { kind: 'key_reused' };
      if (claim.kind === 'known' && claim.outcome !== undefined) return claim.outcome;
      const intent = claim.kind === 'known' ? (claim.intent ?? text) : text;
      return once.keep(key.key, { kind: 'done', text: await putText(id, intent, key.key) });
    },
    get: async (id) => {
      const found = await calls.read(() => collections.campaigns.findOne({ _id: id }));
      return found === null ? undefined : withVersion(found.text, found.version);
    },
    page: async ({ limit, after = Number.MAX_SAFE_INTEGER }) => {
      const filter = { position: { $lt: after } };
      const query = () => collections.campaigns.find(filter).sort({ position: -1 }).limit(limit).toArray();
      const found = await calls.read(query);
      return found.map(({ text, version, position }) => ({ text: withVersion(text, version), position }));
    },
  };
}

async function wasInserted(insert: () => Promise<unknown>): Promise<boolean> {
  try {
    await insert();
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** Each greater than the one before; those of two processes may meet, which the unique index refuses. */
function createPositions(): () => number {
  let last = 0;
  return () => (last = Math.max(last + 1, (Date.now() - campaignEpoch) * 1000));
}

export function withVersion(text: string, version: number): string {
  return text === '{}' ? `{"version":${version}}` : `${text.slice(0, -1)},"version":${version}}`;
}
