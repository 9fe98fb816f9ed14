/** Several processes on one port: they work on the same runs, one that dies is replaced, and all of them stop in order. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Health } from '@madsci-ts/protocol';
import { startFerretDb } from './support/ferretdb.ts';
import { ask, auditRun, type Asked } from './support/ledger.ts';
import { newCommand, newStart } from './support/load.ts';
import { startManager } from './support/manager.ts';
import { chooseSeeds, withSeed } from './support/random.ts';

const workers = 3;
const replacedTimeoutMs = 60_000;

const childrenOf = async (pid: number): Promise<number[]> =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean).map(Number);

async function until(what: string, isSo: () => boolean | Promise<boolean>) {
  const deadline = Date.now() + replacedTimeoutMs;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `${what} in time`);
    await delay(50);
  }
}

/** A new connection for each request, so that it may meet any worker. */
async function health(url: string): Promise<Health> {
  const response = await fetch(`${url}/health`, { headers: { connection: 'close' } });
  return (await response.json()) as Health;
}

test('workers share a port and a database, and are replaced when they die', async () => {
  await using database = await startFerretDb();
  await using manager = await startManager({
    env: {
      EXPERIMENT_DB_URL: database.url,
      EXPERIMENT_WORKERS: String(workers),
      EXPERIMENT_RATE_LIMIT_ENABLED: 'false',
    },
  });
  const { url, pid } = manager;
  await until('all serve', () => manager.stderr().includes('All workers serve'));
  const before = await childrenOf(pid);
  assert.equal(before.length, workers);
  for (const seed of chooseSeeds(1)) {
    await withSeed(seed, async (random) => {
      const start = newStart(true);
      await ask(url, start);
      const asked: Asked[] = [start];
      const client = async () => {
        const one = newCommand(random, start.id ?? '', true);
        asked.push(one);
        await ask(url, one);
      };
      await Promise.all(Array.from({ length: 40 }, client));
      await auditRun(url, start.id ?? '', asked);
    });
  }
  const [victim = 0] = before;
  process.kill(victim, 'SIGKILL');
  const isReplaced = async () => {
    const now = await childrenOf(pid);
    return now.length === workers && !now.includes(victim);
  };
  await until('the dead worker is replaced', isReplaced);
  const ready = () => (manager.stderr().match(/Experiment Manager is ready/g) ?? []).length;
  await until('the new one serves', () => ready() === workers + 1);
  for (let count = 0; count < 2 * workers; count++) assert.equal((await health(url)).healthy, true);
  const { code, stderr } = await manager.stop();
  assert.equal(code, 0);
  assert.equal((stderr.match(/Experiment Manager has stopped/g) ?? []).length, workers);
});
