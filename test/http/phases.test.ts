/** Starting, stopping, and failing: what clients see of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { startManager as startInProcess, type Overrides } from '../../packages/manager/src/app.ts';
import { loadSettings } from '../../packages/manager/src/settings/index.ts';
import { openSqliteStore } from '../../packages/manager/src/store/sqlite/store.ts';
import { StoreError, type Store } from '../../packages/manager/src/store/store.ts';
import { loadDocument } from '../support/documented.ts';
import { startManager } from '../support/manager.ts';
import { decodeReply, encodeRequest, openSocket, readToEnd, sendRaw } from '../support/raw-http.ts';
import { findFreePort } from '../support/server-process.ts';

const start = '{"experiment_design":{"experiment_name":"x"}}';
const startRequest = { method: 'POST', path: '/experiment', body: start };

async function untilListening(url: string) {
  for (let turn = 0; turn < 500; turn++) {
    const socket = await openSocket(url).catch(() => undefined);
    if (socket !== undefined) return void socket.destroy();
    await setTimeout(10);
  }
  throw new Error(`nothing listens at ${url}`);
}

describe('a manager in this process', () => {
  let cwd: string;
  let log = '';
  const sink = new Writable({ write: (chunk, _encoding, done) => ((log += String(chunk)), done()) });
  const logger = pino(sink);
  before(async () => void (cwd = await mkdtemp(join(tmpdir(), 'manager-'))));
  after(() => rm(cwd, { recursive: true, force: true }));

  async function launch(overrides: Overrides) {
    const url = `http://127.0.0.1:${await findFreePort()}`;
    const loaded = loadSettings({ env: { EXPERIMENT_SERVER_URL: url }, cwd });
    return { url, manager: startInProcess(loaded, { logger, ...overrides }) };
  }

  /** The manager over a store of which some parts are replaced. */
  async function launchWith(parts: Partial<Store>) {
    const { url, manager } = await launch({
      openStore: async () => ({ ...(await openSqliteStore(':memory:')), ...parts }),
    });
    const { close } = await manager;
    return { url, [Symbol.asyncDispose]: close };
  }

  test('answers 503 until its database is open, then works', async () => {
    const opening = Promise.withResolvers<void>();
    const { url, manager } = await launch({
      openStore: async () => {
        await opening.promise;
        return openSqliteStore(':memory:');
      },
    });
    try {
      await untilListening(url);
      for (const path of ['/health', '/definition', '/experiments', '/nope']) {
        const reply = await sendRaw(url, { method: 'GET', path });
        assert.equal(reply.status, 503, path);
        assert.equal(reply.text, '{"detail":"The manager is starting or stopping","code":"unavailable"}');
        assert.deepEqual([reply.headers['retry-after'], reply.headers['connection']], ['1', 'close']);
      }
    } finally {
      opening.resolve();
    }
    const { close } = await manager;
    const reply = await sendRaw(url, startRequest);
    await close();
    await close();
    assert.equal(reply.status, 200);
    await assert.rejects(openSocket(url), { code: 'ECONNREFUSED' });
  });

  test('lets go of its port when its database cannot be opened', async () => {
    const { url, manager } = await launch({ openStore: () => Promise.reject(new StoreError('It is full')) });
    await assert.rejects(manager, new StoreError('It is full'));
    await assert.rejects(openSocket(url), { code: 'ECONNREFUSED' });
  });

  test('an error that nobody foresaw is a 500 by its request id, and whole in the log', async () => {
    const parts = {
      run: () => Promise.reject(new TypeError('inner s3cret', { cause: new Error('deeper') })),
    };
    await using manager = await launchWith(parts);
    const reply = await sendRaw(manager.url, { method: 'GET', path: '/experiment/x' });
    assert.equal(reply.status, 500);
    const id = reply.headers['x-request-id'] ?? '';
    const body = { detail: 'Internal Server Error', code: 'internal', request_id: id };
    assert.deepEqual(JSON.parse(reply.text), body);
    const document = await loadDocument(manager.url);
    assert.deepEqual(document.faults('GET', '/experiment/x', reply), []);
    const line =
      log.split('\n').find((one) => one.includes(`"${id}"`) && one.includes('request failed')) ?? '';
    assert.match(line, /inner s3cret/);
    assert.match(line, /deeper/);
    assert.match(line, /phases\.test\.ts/, 'the stack is in the log');
  });

  test('a database that cannot be used is a 503 with its sentence', async () => {
    const away = () => Promise.reject(new StoreError('The disk of the database is full; free some space'));
    await using manager = await launchWith({ start: away, check: away });
    const reply = await sendRaw(manager.url, startRequest);
    assert.equal(reply.status, 503);
    assert.equal(reply.headers['retry-after'], '1');
    assert.equal(
      reply.text,
      '{"detail":"The disk of the database is full; free some space","code":"store_unavailable"}',
    );
    const health = await sendRaw(manager.url, { method: 'GET', path: '/health' });
    assert.equal(health.status, 200);
    assert.match(
      health.text,
      /^\{"healthy":false,"description":"The disk .*","db_connected":false,"total_experiments":null/,
    );
  });
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: the running request finishes, new ones are not taken, exit 0`, async () => {
    await using manager = await startManager();
    const bytes = encodeRequest('localhost', startRequest);
    const running = await openSocket(manager.url);
    running.write(bytes.subarray(0, -3));
    const idle = await openSocket(manager.url);
    idle.write(
      encodeRequest('localhost', { method: 'GET', path: '/health', headers: { connection: 'keep-alive' } }),
    );
    await once(idle, 'data');
    const ended = manager.stop(signal);
    for (let turn = 0; turn < 500 && !manager.stderr().includes('is stopping'); turn++) await setTimeout(10);
    const late = await sendRaw(manager.url, { method: 'GET', path: '/health' }).catch(
      (error: unknown) => error,
    );
    assert.ok(late instanceof Error || (late as { status: number }).status === 503, JSON.stringify(late));
    running.write(bytes.subarray(-3));
    assert.equal(decodeReply(await readToEnd(running)).status, 200);
    idle.destroy();
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Experiment Manager has stopped/);
    assert.doesNotMatch(stderr, /"level":50/);
  });
}

test('a request that never ends does not keep the manager from stopping', async () => {
  await using manager = await startManager({ env: { EXPERIMENT_SHUTDOWN_TIMEOUT_MS: '300' } });
  const endless = await openSocket(manager.url);
  endless.on('error', () => undefined);
  endless.write(encodeRequest('localhost', startRequest).subarray(0, -3));
  const { code } = await manager.stop();
  assert.equal(code, 0);
});
