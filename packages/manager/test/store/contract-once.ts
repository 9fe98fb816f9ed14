/** Repeated requests are harmless: keys, and starts whose reply may be lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Once, Outcome, Store } from '../../src/store/store.ts';
import { withReopened, withStore, type MakePlace } from './place.ts';
import {
  commandOf,
  editOf,
  nextTime,
  readHistory,
  readRun,
  readRuns,
  runIn,
  sampleRun,
  startOf,
  textOf,
} from './samples.ts';

const once = (key: string, fingerprint = 'same'): { once: Once } => ({ once: { key, fingerprint } });

/** Every kind of write, under one key each; a repeat would do something else if it were done again. */
function writes(store: Store, id: string): Record<string, () => Promise<Outcome>> {
  return {
    start: () => store.start(startOf(sampleRun(), once('start'))),
    pause: () => store.command(commandOf(id, 'pause', once('pause'))),
    edit: () => store.edit(editOf(id, { notes: nextTime() }, once('edit'))),
    conflict: () => store.edit(editOf(id, { notes: 'no' }, { ...once('conflict'), expectedVersion: 99 })),
    end: () => store.command(commandOf(id, 'end', once('end'))),
    decline: () => store.command(commandOf(id, 'end', { outcome: 'failed', ...once('decline') })),
    refused: () => store.command(commandOf(id, 'continue', once('refused'))),
    campaign: () => store.putCampaign({ id: 'c', document: { at: nextTime() }, ...once('campaign') }),
  };
}

async function everything(store: Store, id: string) {
  return [
    await readRuns(store),
    await readHistory(store, id),
    await store.counts(),
    await store.campaign('c'),
  ];
}

export function onceContract(makePlace: MakePlace) {
  test('the same key and fingerprint get the first outcome again, byte for byte, and nothing is done twice', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'in_progress');
      const first: Record<string, Outcome> = {};
      for (const [name, write] of Object.entries(writes(store, id))) first[name] = await write();
      const before = await everything(store, id);
      for (const [name, write] of Object.entries(writes(store, id))) {
        assert.deepEqual(await write(), first[name], name);
      }
      assert.deepEqual(await everything(store, id), before);
      assert.equal(first['refused']?.kind, 'refused');
      assert.equal(first['conflict']?.kind, 'refused');
    }));

  test('keys survive reopening', async () => {
    let id = '';
    const first: Record<string, Outcome> = {};
    let before: unknown;
    const fill = async (store: Store) => {
      id = (await runIn(store, 'in_progress'))._id;
      for (const [name, write] of Object.entries(writes(store, id))) first[name] = await write();
      before = await everything(store, id);
    };
    await withReopened(makePlace, fill, async (store) => {
      for (const [name, write] of Object.entries(writes(store, id))) {
        assert.deepEqual(await write(), first[name], name);
      }
      assert.deepEqual(await everything(store, id), before);
    });
  });

  test('a key under another fingerprint is refused and nothing is done', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'in_progress');
      await store.command(commandOf(id, 'pause', once('k')));
      const before = await everything(store, id);
      const other = once('k', 'other');
      for (const outcome of [
        await store.start(startOf(sampleRun(), other)),
        await store.command(commandOf(id, 'end', other)),
        await store.edit(editOf(id, { notes: 'x' }, other)),
        await store.putCampaign({ id: 'c', document: {}, ...other }),
      ]) {
        assert.deepEqual(outcome, { kind: 'key_reused' });
      }
      assert.deepEqual(await everything(store, id), before);
    }));

  test('a run that is not there is no outcome to keep', () =>
    withStore(makePlace, async (store) => {
      const run = sampleRun();
      const write = () => store.command(commandOf(run._id, 'pause', once('early')));
      assert.deepEqual(await write(), { kind: 'missing' });
      await store.start(startOf(run));
      textOf(await write());
      assert.equal((await readRun(store, run._id)).status, 'paused');
    }));

  test('repeats at the same time happen once', () =>
    withStore(makePlace, async (store) => {
      const starts = Array.from({ length: 40 }, () => store.start(startOf(sampleRun(), once('burst'))));
      const texts = (await Promise.all(starts)).map(textOf);
      assert.equal(new Set(texts).size, 1);
      assert.equal((await store.counts()).total, 1);
    }));

  test('dropped outcomes are forgotten, younger ones kept', () =>
    withStore(makePlace, async (store) => {
      const start = (index: number) => store.start(startOf(sampleRun(), once(`k${index}`)));
      const keys = Array.from({ length: 2300 }, (_, index) => index);
      const first = await Promise.all(keys.map(start));
      await store.dropOnce(Date.now() - 60_000);
      assert.deepEqual(await start(0), first[0], 'kept: it is younger');
      await store.dropOnce(Date.now() + 60_000);
      await Promise.all(keys.map(start));
      assert.equal((await store.counts()).total, 2 * keys.length, 'forgotten: each was done again');
    }));

  undeliveredTests(makePlace);
}

/** Waits until the store knows of so many undelivered starts. */
async function untilUndelivered(store: Store, count: number) {
  const deadline = Date.now() + 10_000;
  while ((await store.undelivered(0)).length !== count) {
    assert.ok(Date.now() < deadline, `${count} undelivered starts are left in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function undeliveredTests(makePlace: MakePlace) {
  const undelivered = (fingerprint: string) => ({ undelivered: { fingerprint } });

  test('a start is undelivered until it is forgotten, over reopening', async () => {
    const [first, second, third] = [sampleRun(), sampleRun(), sampleRun()];
    const seen = (run: typeof first) => ({
      fingerprint: 'f',
      id: run._id,
      at: Date.parse(run.started_at ?? ''),
    });
    const fill = async (store: Store) => {
      for (const run of [first, second]) await store.start(startOf(run, undelivered('f')));
      await store.start(startOf(third));
      assert.deepEqual(new Set(await store.undelivered(0)), new Set([seen(first), seen(second)]));
      store.forgetUndelivered(first._id);
      await untilUndelivered(store, 1);
    };
    await withReopened(makePlace, fill, async (store) => {
      assert.deepEqual(await store.undelivered(seen(second).at), [seen(second)]);
      assert.deepEqual(await store.undelivered(seen(second).at + 1), []);
    });
  });

  test('what is forgotten just before a close stays forgotten', async () => {
    const fill = async (store: Store) => {
      const run = sampleRun();
      await store.start(startOf(run, undelivered('f')));
      store.forgetUndelivered(run._id);
    };
    await withReopened(makePlace, fill, async (store) => {
      assert.deepEqual(await store.undelivered(0), []);
    });
  });
}
