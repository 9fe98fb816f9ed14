/** Hundreds of concurrent commands on one run over HTTP: whatever their order, it is one legal order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFinal, type Experiment, type HistoryEntry } from '@madsci-ts/protocol';
import { ask, auditCounts, auditRun, read, readAll, type Asked } from './support/ledger.ts';
import { newCommand, newStart } from './support/load.ts';
import { startManager } from './support/manager.ts';
import { chooseSeeds, withSeed, type Random } from './support/random.ts';

const soak = process.env['SOAK'] === '1';
const seeds = chooseSeeds(Number(process.env['ROUNDS'] ?? (soak ? 300 : 12)));
const clients = 40;
const commandsPerClient = 8;

/** The answers to a run that had ended: an `end` got it as it stood, unchanged. */
async function auditEnd(url: string, id: string, asked: readonly Asked[]) {
  const final = await read<Experiment>(url, `/experiment/${id}`);
  const history = await readAll<HistoryEntry>(url, `/experiment/${id}/history`);
  const declined = new Set(history.filter(({ accepted }) => !accepted).map(({ reason }) => reason));
  for (const { token, command, reply } of asked) {
    if (command !== 'end') continue;
    assert.equal(reply?.status, 200, 'an end is never refused');
    const run = JSON.parse(reply.text) as Experiment;
    assert.ok(isFinal(run.status));
    assert.deepEqual(run, final, 'an end answers with the run as it ended');
    assert.ok(run.status_reason !== token || !declined.has(token));
  }
}

async function race(url: string, random: Random): Promise<number> {
  const start = newStart(false);
  await ask(url, start);
  const id = start.id ?? '';
  const asked: Asked[] = [start];
  const client = async () => {
    for (let turn = 0; turn < commandsPerClient; turn++) {
      const one = newCommand(random, id, random.below(2) === 0);
      asked.push(one);
      await ask(url, one);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await auditRun(url, id, asked);
  await auditEnd(url, id, asked);
  return asked.length - 1;
}

test('concurrent commands on one run are accepted in one legal order', async (t) => {
  await using manager = await startManager();
  let commands = 0;
  for (const seed of seeds) {
    await withSeed(seed, async (random) => {
      commands += await race(manager.url, random);
    });
  }
  assert.equal((await auditCounts(manager.url, 5)).length, seeds.length);
  t.diagnostic(`${commands} commands on ${seeds.length} runs checked, seeds ${seeds.join(',')}`);
});
