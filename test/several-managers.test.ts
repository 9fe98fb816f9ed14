/** Three managers on one database: what they accept together forms one legal order, and a key holds over all of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Experiment, Health } from '@madsci-ts/protocol';
import { startFerretDb, type FerretDb } from './support/ferretdb.ts';
import { ask, auditCounts, auditRun, read, send, type Asked } from './support/ledger.ts';
import { newCommand, newStart } from './support/load.ts';
import { startManager, type TestManager } from './support/manager.ts';
import { chooseSeeds, withSeed, type Random } from './support/random.ts';

const soak = process.env['SOAK'] === '1';
const seeds = chooseSeeds(soak ? 60 : 3);
const clients = 30;
const commandsPerClient = 4;
/** How long a count may lag behind what other managers have done. */
const settleTimeoutMs = 10_000;

describe('three managers on one FerretDB', () => {
  let database: FerretDb | undefined;
  const managers: TestManager[] = [];

  before(async () => {
    database = await startFerretDb();
    const env = { EXPERIMENT_DB_URL: database.url, EXPERIMENT_RATE_LIMIT_ENABLED: 'false' };
    for (let count = 0; count < 3; count++) managers.push(await startManager({ env }));
  });
  after(async () => {
    await Promise.all(managers.map((manager) => manager.stop()));
    await database?.stop();
  });

  const urlOf = (random: Random) => random.pick(managers).url;

  async function race(random: Random) {
    const start = newStart(false);
    await ask(urlOf(random), start);
    const asked: Asked[] = [start];
    const client = async () => {
      for (let turn = 0; turn < commandsPerClient; turn++) {
        const one = newCommand(random, start.id ?? '', random.below(2) === 0);
        asked.push(one);
        await ask(urlOf(random), one);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    for (const { url } of managers) await auditRun(url, start.id ?? '', asked);
    return asked.length - 1;
  }

  test('commands on one run are accepted in one legal order', async (t) => {
    let commands = 0;
    for (const seed of seeds) {
      await withSeed(seed, async (random) => {
        commands += await race(random);
      });
    }
    t.diagnostic(`${commands} commands on ${seeds.length} runs checked, seeds ${seeds.join(',')}`);
  });

  test('a key holds over all of them: many repeats at once happen once', () =>
    withSeed(seeds[0] ?? 0, async (random) => {
      const start = newStart(true);
      const replies = await Promise.all(Array.from({ length: 12 }, () => send(urlOf(random), start)));
      assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
      const { _id } = JSON.parse(replies[0]?.text ?? '') as Experiment;
      const command = newCommand(random, _id, true);
      const answers = await Promise.all(Array.from({ length: 12 }, () => send(urlOf(random), command)));
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
      await auditRun(managers[1]?.url ?? '', _id, [
        { ...start, id: _id },
        { ...command, reply: answers[0] ?? { status: 0, text: '' } },
      ]);
    }));

  test('all of them count the same', async () => {
    const deadline = Date.now() + settleTimeoutMs;
    const totals = async () => {
      const healths = await Promise.all(managers.map(({ url }) => read<Health>(url, '/health')));
      return new Set(healths.map(({ experiments_by_status }) => JSON.stringify(experiments_by_status)));
    };
    while ((await totals()).size > 1) {
      assert.ok(Date.now() < deadline, 'the counts agree in time');
      await delay(100);
    }
    for (const { url } of managers) await auditCounts(url, 7);
  });
});
