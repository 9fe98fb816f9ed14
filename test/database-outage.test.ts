/** The database stops answering, is killed and comes back under load: nothing acknowledged is lost, no request hangs, and it recovers by itself. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Experiment, Health } from '@madsci-ts/protocol';
import { startFerretDb, type FerretDb } from './support/ferretdb.ts';
import { auditRun, read, readAll, type Asked } from './support/ledger.ts';
import { randomRequest } from './support/load.ts';
import { runProgram, startManager, type TestManager } from './support/manager.ts';
import { findFreePort } from './support/server-process.ts';
import { chooseSeeds, withSeed, type Random } from './support/random.ts';

/** What docs/operations.md states as the longest time of a request while the database is away, and some for a busy machine. */
const longestRequestMs = 20_000 + 5_000;
/** /health says so within this time. */
const longestHealthMs = 8_000;
const recoveryTimeoutMs = 30_000;
const clients = 12;
const busyRuns = 6;

interface Load {
  asked: Asked[];
  /** The longest time that a request took. */
  slowestMs: number;
  unavailable: number;
}

/** Sends one request and keeps its answer, unless that is 503: then what became of it is not known. */
async function sendOne(url: string, one: Asked, load: Load) {
  const { command, path, body, key } = one;
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const begun = performance.now();
  const response = await fetch(`${url}${path}`, {
    method: command === 'edit' ? 'PATCH' : 'POST',
    headers,
    body,
  });
  const text = await response.text();
  load.slowestMs = Math.max(load.slowestMs, performance.now() - begun);
  if (response.status === 503) {
    load.unavailable++;
    assert.match(response.headers.get('retry-after') ?? '', /^\d+$/, 'a 503 says when to try again');
    return;
  }
  assert.ok(
    response.status === 200 || response.status === 409,
    `${path} answered ${response.status}: ${text}`,
  );
  one.reply = { status: response.status, text };
  if (command === 'start') one.id = (JSON.parse(text) as Experiment)._id;
}

async function client(url: string, random: Random, { load, goesOn }: { load: Load; goesOn: () => boolean }) {
  while (goesOn()) {
    const ids = load.asked.flatMap(({ command, id }) =>
      command === 'start' && id !== undefined ? [id] : [],
    );
    const one = randomRequest(random, ids.slice(-busyRuns));
    load.asked.push(one);
    await sendOne(url, one, load);
  }
}

async function health(url: string): Promise<Health> {
  const response = await fetch(`${url}/health`);
  assert.equal(response.status, 200);
  return (await response.json()) as Health;
}

/** Resolves to the milliseconds until /health says what is expected. */
async function untilHealthy(url: string, healthy: boolean, timeoutMs: number): Promise<number> {
  const begun = performance.now();
  while ((await health(url)).healthy !== healthy) {
    assert.ok(performance.now() - begun < timeoutMs, `/health says ${healthy} within ${timeoutMs} ms`);
    await delay(50);
  }
  return Math.round(performance.now() - begun);
}

/** Every run and every answer of the load; starts that were not answered may be there. */
async function audit(url: string, { asked }: Load): Promise<number> {
  const starts = new Map(asked.filter(({ command }) => command === 'start').map((one) => [one.token, one]));
  const runs = await readAll<Experiment>(url, '/experiments?number=50');
  const there = new Set(runs.map(({ _id }) => _id));
  for (const { id } of starts.values())
    assert.ok(id === undefined || there.has(id), `run ${id} was acknowledged`);
  assert.equal(new Set(runs.map(({ run_name }) => run_name)).size, runs.length, 'no start was done twice');
  for (const { _id } of runs)
    await auditRun(
      url,
      _id,
      asked.filter(({ id }) => id === _id),
    );
  return runs.length;
}

describe('a manager whose database fails', () => {
  let database: FerretDb | undefined;
  let manager: TestManager | undefined;

  before(async () => {
    database = await startFerretDb();
    const env = { EXPERIMENT_DB_URL: database.url, EXPERIMENT_RATE_LIMIT_ENABLED: 'false' };
    manager = await startManager({ env });
  });
  after(async () => {
    await database?.stop();
    await manager?.stop();
  });

  /** Both failures meet the same runs. */
  const asked: Asked[] = [];

  async function underLoad(fail: (url: string, database: FerretDb) => Promise<string>) {
    assert.ok(database !== undefined && manager !== undefined);
    const { url } = manager;
    const load: Load = { asked, slowestMs: 0, unavailable: 0 };
    const earlier = asked.length;
    let told = '';
    for (const seed of chooseSeeds(1)) {
      await withSeed(seed, async (random) => {
        let goesOn = true;
        const working = Promise.all(
          Array.from({ length: clients }, () => client(url, random, { load, goesOn: () => goesOn })),
        );
        working.catch(() => undefined);
        const answered = () => asked.slice(earlier).filter(({ reply }) => reply !== undefined).length;
        while (answered() < 40) await delay(20);
        told = await fail(url, database as FerretDb);
        goesOn = false;
        await working;
        const runs = await audit(url, load);
        assert.ok(load.unavailable > 0, 'some requests met the failure');
        assert.ok(load.slowestMs < longestRequestMs, `the slowest request took ${load.slowestMs} ms`);
        told += `, ${asked.length - earlier} requests, ${load.unavailable} answered 503, slowest ${Math.round(load.slowestMs)} ms, ${runs} runs checked`;
      });
    }
    return told;
  }

  test('that does not answer for a while (SIGSTOP)', async (t) => {
    const told = await underLoad(async (url, server) => {
      server.signal('SIGSTOP');
      const noticed = await untilHealthy(url, false, longestHealthMs);
      await delay(3000); // Requests meet a stopped server, not only those that were under way.
      server.signal('SIGCONT');
      const recovered = await untilHealthy(url, true, recoveryTimeoutMs);
      return `noticed after ${noticed} ms, recovered after ${recovered} ms`;
    });
    t.diagnostic(told);
  });

  test('that is killed and started again (SIGKILL)', async (t) => {
    const told = await underLoad(async (url, server) => {
      server.signal('SIGKILL');
      const noticed = await untilHealthy(url, false, longestHealthMs);
      await server.restart();
      const recovered = await untilHealthy(url, true, recoveryTimeoutMs);
      return `noticed after ${noticed} ms, recovered after ${recovered} ms`;
    });
    t.diagnostic(told);
  });
});

test('a database that is not there at the start is waited for, then said in one sentence without secrets', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'manager-'));
  const port = await findFreePort();
  const env = {
    EXPERIMENT_SERVER_URL: 'http://127.0.0.1:0',
    EXPERIMENT_DB_URL: `mongodb://someone:secret@127.0.0.1:${port}/?serverSelectionTimeoutMS=200`,
  };
  const child = runProgram(['serve'], folder, env);
  let told = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (told += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  await rm(folder, { recursive: true, force: true });
  assert.notEqual(code, 0);
  assert.match(told, new RegExp(`The database at 127.0.0.1:${port} did not answer within 30 s`));
  assert.doesNotMatch(told, /secret|someone|^\s+at /m);
});

test('a database that comes up late is found', async () => {
  const database = await startFerretDb();
  database.signal('SIGKILL');
  const starting = startManager({ env: { EXPERIMENT_DB_URL: database.url } });
  await delay(1500); // The manager is waiting by then; if not, the test still holds.
  await database.restart();
  await using manager = await starting;
  assert.equal((await read<Health>(manager.url, '/health')).healthy, true);
  await database.stop();
});
