/** Rate limits, and whose address counts. The recorded requests show the windows themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startManager } from '../support/manager.ts';
import { sendRaw } from '../support/raw-http.ts';

const narrow = {
  EXPERIMENT_RATE_LIMIT_REQUESTS: '3',
  EXPERIMENT_RATE_LIMIT_WINDOW: '600',
  EXPERIMENT_RATE_LIMIT_SHORT_REQUESTS: 'null',
};
const from = (url: string, address?: string) =>
  sendRaw(url, {
    method: 'GET',
    path: '/definition',
    headers: address === undefined ? {} : { 'x-forwarded-for': address },
  });
const statuses = async (url: string, address: string | undefined, times: number) => {
  const found: number[] = [];
  for (let count = 0; count < times; count++) found.push((await from(url, address)).status);
  return found;
};

test('behind a trusted proxy each client has its own window', async () => {
  const env = { ...narrow, EXPERIMENT_TRUSTED_PROXIES: '["127.0.0.0/8"]' };
  await using manager = await startManager({ env });
  assert.deepEqual(await statuses(manager.url, '9.9.9.9', 4), [200, 200, 200, 429]);
  assert.deepEqual(await statuses(manager.url, '8.8.8.8', 1), [200]);
  assert.deepEqual(
    await statuses(manager.url, '9.9.9.9, 8.8.8.8', 3),
    [200, 200, 429],
    'only the last hop is vouched for',
  );
  assert.deepEqual(
    await statuses(manager.url, undefined, 5),
    [200, 200, 200, 200, 200],
    'loopback is exempt',
  );
  assert.match((await manager.stop()).stderr, /"actor":"anonymous@9\.9\.9\.9"/);
});

test('without a trusted proxy nobody chooses an address', async () => {
  await using manager = await startManager({ env: { ...narrow, EXPERIMENT_RATE_LIMIT_EXEMPT_IPS: '[]' } });
  const addresses = ['9.9.9.9', '8.8.8.8', '127.0.0.1', '7.7.7.7'];
  const replies = await Promise.all(addresses.map((address) => from(manager.url, address)));
  assert.equal(replies.filter(({ status }) => status === 429).length, 1);
  const { stderr } = await manager.stop();
  assert.match(stderr, /anonymous@127\.0\.0\.1/);
  assert.doesNotMatch(stderr, /9\.9\.9\.9/);
});

test('a refusal says when to come back, and does nothing', async () => {
  await using manager = await startManager({ env: { ...narrow, EXPERIMENT_RATE_LIMIT_EXEMPT_IPS: '[]' } });
  await statuses(manager.url, undefined, 3);
  const body = '{"experiment_design":{"experiment_name":"x"}}';
  const { status, headers, text } = await sendRaw(manager.url, { method: 'POST', path: '/experiment', body });
  assert.equal(status, 429);
  assert.equal(text, '{"detail":"Rate limit exceeded: 3 requests per 600 seconds","code":"rate_limited"}');
  assert.ok(
    Number(headers['retry-after']) > 590 && Number(headers['retry-after']) <= 600,
    headers['retry-after'],
  );
  assert.equal(headers['x-ratelimit-remaining'], '0');
});

test('limits can be switched off', async () => {
  const env = { ...narrow, EXPERIMENT_RATE_LIMIT_EXEMPT_IPS: '[]', EXPERIMENT_RATE_LIMIT_ENABLED: 'false' };
  await using manager = await startManager({ env });
  assert.deepEqual(await statuses(manager.url, undefined, 5), [200, 200, 200, 200, 200]);
  assert.equal((await from(manager.url)).headers['x-ratelimit-limit'], undefined);
});
