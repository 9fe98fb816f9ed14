/** Opening, closing, and opening again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '@madsci-ts/protocol';
import { StoreError, type Store } from '../../src/store/store.ts';
import { withReopened, type MakePlace } from './place.ts';
import { assertRecount } from './contract-reading.ts';
import { commandOf, editOf, readHistory, readRuns, runIn, sampleRun, startOf, textOf } from './samples.ts';

/** Every call of a store that can reject. */
const calls: Record<string, (store: Store) => Promise<unknown>> = {
  start: (store) => store.start(startOf(sampleRun())),
  command: (store) => store.command(commandOf('x', 'end')),
  edit: (store) => store.edit(editOf('x', {})),
  putCampaign: (store) => store.putCampaign({ id: 'x', document: {} }),
  run: (store) => store.run('x'),
  runs: (store) => store.runs({ limit: 1 }),
  history: (store) => store.history('x', { limit: 1 }),
  campaign: (store) => store.campaign('x'),
  campaigns: (store) => store.campaigns({ limit: 1 }),
  counts: (store) => store.counts(),
  undelivered: (store) => store.undelivered(0),
  dropOnce: (store) => store.dropOnce(0),
  check: (store) => store.check(),
};

export function openingContract(makePlace: MakePlace) {
  test('a new store is empty and can be used', async () => {
    await using place = await makePlace();
    const store = await place.open();
    await store.check();
    assert.equal((await store.counts()).total, 0);
    assert.deepEqual(await store.campaigns({ limit: 1 }), []);
    await store.close();
  });

  test('a store opened again holds all of it', async () => {
    let before: unknown;
    const everything = async (store: Store) => {
      const runs = await readRuns(store);
      const histories = await Promise.all(runs.map(({ _id }) => readHistory(store, _id)));
      return [runs, histories, await store.counts(), await store.campaigns({ limit: 10 })];
    };
    const fill = async (store: Store) => {
      for (const command of commands) {
        const { _id: id } = await runIn(store, 'paused');
        await store.command(commandOf(id, command));
      }
      await store.putCampaign({ id: 'c', document: { campaign_name: 'spring' } });
      before = await everything(store);
    };
    await withReopened(makePlace, fill, async (store) => {
      assert.deepEqual(await everything(store), before);
      await assertRecount(store);
      textOf(await store.start(startOf(sampleRun())));
      await assertRecount(store);
    });
  });

  test('a close finishes what was accepted and may come twice', async () => {
    const runs = Array.from({ length: 50 }, () => sampleRun());
    const fill = async (store: Store) => {
      const starts = runs.map((run) => store.start(startOf(run)));
      await Promise.all([store.close(), store.close()]);
      await store.close();
      for (const outcome of await Promise.all(starts)) textOf(outcome);
    };
    await withReopened(makePlace, fill, async (store) => {
      for (const run of runs) assert.equal(await store.run(run._id), JSON.stringify(run));
    });
  });

  test('a closed store rejects every call with a StoreError', async () => {
    await using place = await makePlace();
    const store = await place.open();
    await store.close();
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call(store), StoreError, name);
    }
    store.forgetUndelivered('x');
  });
}
