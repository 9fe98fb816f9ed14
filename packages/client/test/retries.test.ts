import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ExperimentClient } from '@madsci-ts/client';
import { fakeManager, id, reply, run } from './support.ts';

const start = { experiment_design: { experiment_name: 'Titration' } };

test('a write keeps its Idempotency-Key and body over its retries', async (t) => {
  const manager = await fakeManager(t, (response, _asked, count) => {
    if (count === 1) response.destroy();
    else if (count === 2)
      reply(response, 503, { detail: 'Starting', code: 'unavailable' }, { 'retry-after': '0' });
    else reply(response, 200, run());
  });
  const client = manager.client();
  await client.startExperiment(start);
  assert.equal(manager.asked.length, 3);
  const keys = manager.asked.map((asked) => asked.headers['idempotency-key']);
  assert.match(String(keys[0]), /^[0-9a-z-]{10,}$/);
  assert.deepEqual(new Set(keys), new Set([keys[0]]));
  assert.deepEqual(new Set(manager.asked.map((asked) => asked.body)), new Set([JSON.stringify(start)]));
  await client.startExperiment(start);
  assert.notEqual(manager.asked.at(-1)?.headers['idempotency-key'], keys[0]);
});

test('every write carries a key, no read does, and a given key is taken', async (t) => {
  const manager = await fakeManager(t, (response) => reply(response, 200, run()));
  const client = manager.client();
  await client.editExperiment(id, { notes: 'x' });
  await client.pauseExperiment(id);
  await client.cancelExperiment(id, { reason: 'spilled' }, { idempotencyKey: 'mine' });
  await client.getExperiment(id);
  const keys = manager.asked.map((asked) => asked.headers['idempotency-key']);
  assert.deepEqual(
    keys.map((key) => key !== undefined),
    [true, true, true, false],
  );
  assert.equal(keys[2], 'mine');
});

test('a reply that breaks off in its body is retried', async (t) => {
  const manager = await fakeManager(t, (response, _asked, count) => {
    if (count > 1) return reply(response, 200, run());
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"_id": ');
    setImmediate(() => response.destroy());
  });
  assert.equal((await manager.client().getExperiment(id))._id, id);
  assert.equal(manager.asked.length, 2);
});

for (const status of [408, 429, 500, 502, 503, 504]) {
  test(`${status} is retried`, async (t) => {
    const manager = await fakeManager(t, (response, _asked, count) =>
      count === 1 ? reply(response, status, { detail: 'not now' }) : reply(response, 200, run()),
    );
    await manager.client().pauseExperiment(id);
    assert.equal(manager.asked.length, 2);
  });
}

for (const status of [400, 403, 404, 409, 413, 422]) {
  test(`${status} is not retried`, async (t) => {
    const manager = await fakeManager(t, (response) => reply(response, status, { detail: 'no' }));
    await assert.rejects(manager.client().pauseExperiment(id), { name: 'RefusedError', status });
    assert.equal(manager.asked.length, 1);
  });
}

test('Retry-After is waited for', async (t) => {
  const times: number[] = [];
  const manager = await fakeManager(t, (response, _asked, count) => {
    times.push(performance.now());
    if (count === 1) reply(response, 429, { detail: 'Rate limit exceeded' }, { 'retry-after': '1' });
    else reply(response, 200, run());
  });
  await manager.client().getExperiment(id);
  const [first = 0, second = 0] = times;
  assert.ok(second - first >= 950, `came again after ${second - first} ms`);
});

test('a Retry-After beyond the deadline is told at once', async (t) => {
  const limits = { 'retry-after': '60', 'x-ratelimit-reset': '60' };
  const manager = await fakeManager(t, (response) =>
    reply(response, 429, { detail: 'Rate limit exceeded', code: 'rate_limited' }, limits),
  );
  const before = performance.now();
  await assert.rejects(manager.client({ timeoutMs: 5000 }).getExperiment(id), {
    name: 'RefusedError',
    code: 'rate_limited',
    retryAfterMs: 60_000,
    advice: 'Try again in 60 s',
  });
  assert.ok(performance.now() - before < 4000);
  assert.equal(manager.asked.length, 1);
});

test('x-ratelimit-reset alone delays no retry', async (t) => {
  const manager = await fakeManager(t, (response, _asked, count) =>
    count === 1
      ? reply(response, 503, { detail: 'Stopping' }, { 'x-ratelimit-reset': '60' })
      : reply(response, 200, run()),
  );
  await manager.client({ timeoutMs: 5000 }).getExperiment(id);
  assert.equal(manager.asked.length, 2);
});

test('the deadline holds over tries and waits, and says that a write may have happened', async (t) => {
  const manager = await fakeManager(t, (response, _asked, count) => {
    if (count === 1) reply(response, 503, { detail: 'Starting' }, { 'retry-after': '0' });
  });
  const client = manager.client({ timeoutMs: 400 });
  await assert.rejects(client.cancelExperiment(id, {}, { idempotencyKey: 'k1' }), {
    name: 'TooLateError',
    code: 'too_late',
    method: 'POST',
    url: `${manager.url}/experiment/${id}/cancel`,
    idempotencyKey: 'k1',
    message: /took longer than 400 ms \(last try: Starting\).*may or may not have been carried out.*k1/,
  });
  assert.equal(manager.asked.length, 2);
});

test('a body that never ends meets the deadline', async (t) => {
  const manager = await fakeManager(t, (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('[');
  });
  await assert.rejects(manager.client().getExperiments({}, { timeoutMs: 300 }), { name: 'TooLateError' });
});

test('an aborted call rejects with the reason, before, during and between tries', async (t) => {
  const manager = await fakeManager(t, (response, asked) => {
    if (asked.url.includes('limit')) reply(response, 429, { detail: 'slow' }, { 'retry-after': '20' });
  });
  const client = manager.client();
  await assert.rejects(
    client.getExperiment(id, { signal: AbortSignal.abort(new Error('before')) }),
    /before/,
  );
  for (const call of [id, 'limit']) {
    const controller = new AbortController();
    const asked = manager.asked.length;
    const promise = client.getExperiment(call, { signal: controller.signal });
    while (manager.asked.length === asked) await new Promise(setImmediate);
    controller.abort(new Error('enough'));
    await assert.rejects(promise, /enough/);
  }
});

test('nobody listening is no answer, with the reason and without secrets', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const url = `http://127.0.0.1:${port}`;
  const client = new ExperimentClient({ url, retries: 1, headers: { authorization: 'Bearer hush' } });
  await assert.rejects(client.startExperiment(start), (error: Error) => {
    assert.equal(error.name, 'NoAnswerError');
    assert.match(error.message, /POST .*\/experiment got no answer \(.*ECONNREFUSED.*may or may not/);
    return true;
  });
  await assert.rejects(client.health(), {
    code: 'no_answer',
    message: /Is the manager running/,
    idempotencyKey: undefined,
  });
});
