/** Many callers at once: what is accepted forms one legal order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands, finalStatuses, type FinalStatus } from '@madsci-ts/protocol';
import { assertLegalOrder } from '../../../../test/support/legal-order.ts';
import { chooseSeeds, withSeed, type Random } from '../../../../test/support/random.ts';
import type { CommandWrite, Outcome, Store } from '../../src/store/store.ts';
import { withStore, type MakePlace } from './place.ts';
import { assertRecount } from './contract-reading.ts';
import { commandOf, readHistory, readRun, runIn, sampleRun, startOf, versionOf } from './samples.ts';

interface Asked {
  write: CommandWrite;
  outcome: Outcome;
}

/** Rarely a final command, so that many others are accepted before it. */
function randomCommand(random: Random, id: string): CommandWrite {
  const command =
    random.below(60) === 0 ? random.pick(commands) : random.pick(['pause', 'continue'] as const);
  const outcome: FinalStatus = random.pick(finalStatuses);
  return commandOf(id, command, command === 'end' ? { outcome } : {});
}

/** Each outcome is what the history says of that command. */
async function checkOutcomes(store: Store, id: string, asked: Asked[]) {
  const history = await readHistory(store, id);
  assertLegalOrder(history, await readRun(store, id));
  const byRequest = new Map(history.map((entry) => [entry.request_id, entry]));
  assert.equal(byRequest.size, history.length, 'no command is there twice');
  const versions = new Set<number>();
  for (const { write, outcome } of asked) {
    const entry = byRequest.get(write.request_id);
    if (outcome.kind === 'refused') assert.equal(entry?.accepted, false);
    else if (entry?.accepted === true) versions.add(versionOf(outcome));
    else assert.equal(outcome.kind, 'done', 'it was already so, or declined');
  }
  const accepted = history.filter((entry) => entry.accepted).length - 1;
  assert.equal(versions.size, accepted, 'every accepted command made a version of its own');
  const ends = history.filter((entry) => entry.accepted && entry.command === 'end');
  assert.ok(ends.length <= 1, 'one end at most is accepted');
}

export function concurrencyContract(makePlace: MakePlace) {
  test('hundreds of conflicting commands at once form one legal order', () =>
    withStore(makePlace, async (store) => {
      for (const seed of chooseSeeds(5)) {
        await withSeed(seed, async (random) => {
          const { _id: id } = await runIn(store, 'in_progress');
          const writes = Array.from({ length: 400 }, () => randomCommand(random, id));
          const give = async (write: CommandWrite) => ({ write, outcome: await store.command(write) });
          await checkOutcomes(store, id, await Promise.all(writes.map(give)));
        });
      }
      await assertRecount(store);
    }));

  test('callers that take turns of their own form one legal order', () =>
    withStore(makePlace, async (store) => {
      for (const seed of chooseSeeds(2)) {
        await withSeed(seed, async (random) => {
          const { _id: id } = await runIn(store, 'in_progress');
          const asked: Asked[] = [];
          const caller = async () => {
            for (let turn = 0; turn < 10; turn++) {
              const write = randomCommand(random, id);
              asked.push({ write, outcome: await store.command(write) });
            }
          };
          await Promise.all(Array.from({ length: 30 }, caller));
          await checkOutcomes(store, id, asked);
        });
      }
    }));

  test('of many ends at once one is accepted and the others see it', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'paused');
      const ends = Array.from({ length: 100 }, (_, index) =>
        store.command(commandOf(id, 'end', { outcome: finalStatuses[index % 3] as FinalStatus })),
      );
      const outcomes = await Promise.all(ends);
      assert.deepEqual(new Set(outcomes.map(versionOf)), new Set([3]));
      const accepted = (await readHistory(store, id)).filter((entry) => entry.accepted);
      assert.equal(accepted.length, 3);
    }));

  test('of many writers that expect the same version one wins', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'in_progress');
      for (const expectedVersion of [1, 2, 3, 4, 5]) {
        const command = expectedVersion % 2 === 1 ? 'pause' : 'continue';
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, () => store.command(commandOf(id, command, { expectedVersion }))),
        );
        assert.equal(outcomes.filter(({ kind }) => kind === 'done').length, 1);
        assert.equal(outcomes.filter(({ kind }) => kind === 'refused').length, 49);
      }
      assertLegalOrder(await readHistory(store, id), await readRun(store, id), { mayConflict: true });
    }));

  test('many runs at once do not touch each other', () =>
    withStore(makePlace, async (store) => {
      const runs = Array.from({ length: 200 }, () => sampleRun());
      await Promise.all(
        runs.map(async (run, index) => {
          await store.start(startOf(run));
          await store.command(commandOf(run._id, 'pause'));
          if (index % 2 === 0) await store.command(commandOf(run._id, 'end'));
        }),
      );
      for (const [index, { _id }] of runs.entries()) {
        const run = await readRun(store, _id);
        assertLegalOrder(await readHistory(store, _id), run);
        assert.equal(run.status, index % 2 === 0 ? 'completed' : 'paused');
      }
      await assertRecount(store);
    }));
}
