/** Idempotency-Key, and starts whose reply was lost: nothing happens twice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startManager, type TestManager } from '../support/manager.ts';
import { encodeRequest, openSocket, sendRaw, type RawReply, type RawRequest } from '../support/raw-http.ts';
import { historyOf, runIn, testRows } from '../support/rows.ts';

const startOf = (name: string, key?: string): RawRequest => ({
  method: 'POST',
  path: '/experiment',
  headers: key === undefined ? {} : { 'idempotency-key': key },
  body: JSON.stringify({ experiment_design: { experiment_name: name } }),
});
const command = (id: string, name: string, key: string, body?: string): RawRequest => ({
  method: 'POST',
  path: `/experiment/${id}/${name}`,
  headers: { 'idempotency-key': key },
  ...(body === undefined ? {} : { body }),
});
const idOf = ({ text }: RawReply) => (JSON.parse(text) as { _id: string })._id;

async function total(url: string): Promise<number> {
  const { text } = await sendRaw(url, { method: 'GET', path: '/health' });
  return (JSON.parse(text) as { total_experiments: number }).total_experiments;
}

describe('Idempotency-Key', () => {
  let manager: TestManager;
  before(async () => void (manager = await startManager()));
  after(() => manager.stop());
  const send = (request: RawRequest) => sendRaw(manager.url, request);

  test('the same start again gets the same reply, byte for byte, and no second run', async () => {
    const runs = await total(manager.url);
    const first = await send(startOf('once', 'a'));
    await send({ method: 'POST', path: `/experiment/${idOf(first)}/pause` });
    const again = await send(startOf('once', 'a'));
    assert.equal(again.status, 200);
    assert.equal(again.text, first.text);
    assert.equal(await total(manager.url), runs + 1);
  });

  test('twenty at the same time are one', async () => {
    const runs = await total(manager.url);
    const replies = await Promise.all(Array.from({ length: 20 }, () => send(startOf('many', 'b'))));
    assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
    assert.equal(await total(manager.url), runs + 1);
  });

  test('the key with another body, path or query is refused, and nothing is done', async () => {
    const id = await runIn(manager.url, 'in_progress');
    assert.equal((await send(command(id, 'pause', 'c'))).status, 200);
    const others = [
      command(id, 'pause', 'c', '{"reason":"other"}'),
      command(id, 'cancel', 'c'),
      { ...command(id, 'end', 'c'), path: `/experiment/${id}/end?status=failed` },
      startOf('other', 'c'),
    ];
    for (const other of others) {
      const reply = await send(other);
      assert.equal(reply.status, 422);
      assert.match(reply.text, /^\{"detail":"This Idempotency-Key .*","code":"idempotency_key_reused"\}$/);
    }
    assert.deepEqual(await historyOf(manager.url, id), ['start in_progress', 'pause paused']);
  });

  test('a refused command is refused again with the same words, and kept once', async () => {
    const id = await runIn(manager.url, 'completed');
    const first = await send(command(id, 'pause', 'd'));
    const again = await send(command(id, 'pause', 'd'));
    assert.deepEqual([first.status, again.status], [409, 409]);
    assert.equal(again.text, first.text);
    const history = ['start in_progress', 'end completed', 'pause paused refused'];
    assert.deepEqual(await historyOf(manager.url, id), history);
  });

  test('a request that does not fit its schema does not use its key up', async () => {
    const bad = await send({ ...startOf('x', 'e'), body: '{}' });
    assert.equal(bad.status, 422);
    assert.equal((await send(startOf('good', 'e'))).status, 200);
  });

  test('PATCH and campaigns honour it, too', async () => {
    const id = await runIn(manager.url, 'in_progress');
    const patch = { ...command(id, '', 'f', '{"notes":"n"}'), method: 'PATCH', path: `/experiment/${id}` };
    const campaign = { ...startOf('', 'g'), path: '/campaign', body: '{"campaign_name":"c"}' };
    for (const request of [patch, campaign]) {
      const [first, again] = [await send(request), await send(request)];
      assert.equal(first.status, 200);
      assert.equal(again.text, first.text);
    }
    assert.deepEqual(await historyOf(manager.url, id), ['start in_progress', 'edit in_progress']);
  });

  describe('what a key may be', () =>
    testRows(
      () => manager.url,
      ['', 'with space', 'ü', 'x'.repeat(256)].map((key) => ({
        name: `"${key.slice(0, 20)}", ${key.length} characters, is refused`,
        run: 'in_progress' as const,
        request: 'POST /experiment/{id}/pause',
        headers: { 'idempotency-key': key },
        status: 422,
        has: ['"loc":["header","idempotency-key"]'],
        history: ['start in_progress'],
      })),
    ));
});

test('a key and its reply survive a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'manager-'));
  const ask = async (request: RawRequest) => {
    await using manager = await startManager({ dataDir });
    const reply = await sendRaw(manager.url, request);
    await manager.stop();
    return reply;
  };
  try {
    const first = await ask(startOf('restart', 'k'));
    const again = await ask(startOf('restart', 'k'));
    assert.equal(first.status, 200);
    assert.equal(again.text, first.text);
    assert.equal((await ask(startOf('other', 'k'))).status, 422);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

describe('a start without a key', () => {
  let manager: TestManager;
  before(async () => void (manager = await startManager()));
  after(() => manager.stop());

  const losses = () => manager.stderr().split('"undelivered":true').length - 1;

  /** Sends the request and is gone before an answer can come; waits until the manager knows. */
  async function abandon(request: RawRequest) {
    const [runs, known] = [await total(manager.url), losses()];
    const socket = await openSocket(manager.url);
    // Answered once, so that the manager has accepted the connection before it goes.
    socket.write('GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(socket, 'data');
    socket.write(encodeRequest('localhost', request), () => socket.resetAndDestroy());
    for (let turn = 0; turn < 500 && losses() === known; turn++) await setTimeout(10);
    assert.equal(losses(), known + 1, 'the manager knows of the loss');
    assert.equal(await total(manager.url), runs + 1, 'the abandoned start made a run');
  }

  test('is found again when its reply could not be delivered', async () => {
    await abandon(startOf('lost'));
    const again = await sendRaw(manager.url, startOf('lost'));
    assert.equal(again.status, 200);
    assert.equal(await total(manager.url), 1);
    const later = await sendRaw(manager.url, startOf('lost'));
    assert.notEqual(idOf(later), idOf(again), 'once delivered, the same request is a new run');
    assert.equal(await total(manager.url), 2);
  });

  test('is another run when its reply was delivered', async () => {
    const [one, two] = [
      await sendRaw(manager.url, startOf('twice')),
      await sendRaw(manager.url, startOf('twice')),
    ];
    assert.notEqual(idOf(one), idOf(two));
  });

  test('is another run when the lost one was another request', async () => {
    const runs = await total(manager.url);
    await abandon(startOf('lost too'));
    await sendRaw(manager.url, startOf('something else'));
    assert.equal(await total(manager.url), runs + 2);
  });
});
