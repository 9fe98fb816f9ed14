import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRawNumber, rawNumber, statuses, type Campaign, type HistoryEntry } from '@madsci-ts/protocol';
import type { ExperimentClient } from '@madsci-ts/client';
import { fakeManager, id, reply, run } from './support.ts';

const campaign: Campaign = {
  campaign_id: id,
  campaign_name: 'Dyes',
  campaign_description: null,
  experiment_ids: [],
  ownership_info: {},
  created_at: '2026-01-20T10:00:00.000Z',
  ended_at: null,
  version: 1,
};
const entry: HistoryEntry = {
  sequence: 1,
  at: '2026-01-20T10:00:00.000Z',
  actor: null,
  command: 'start',
  from: null,
  to: 'in_progress',
  accepted: true,
  reason: null,
  request_id: null,
};
const health = {
  healthy: true,
  description: null,
  db_connected: true,
  total_experiments: 1,
  version: '0.1.0',
  experiments_by_status: Object.fromEntries(statuses.map((status) => [status, 0])),
  events_waiting: 0,
};
const definition = {
  name: 'Lab',
  description: null,
  manager_id: id,
  manager_type: 'experiment_manager',
  experiment_manager_id: id,
  extra: 1,
};

const reason = { reason: 'why', expected_version: 2 };
const calls: [string, (client: ExperimentClient) => Promise<unknown>, unknown, string?][] = [
  [
    'POST /experiment',
    (c) => c.startExperiment({ experiment_design: { experiment_name: 'A' } }),
    run(),
    '{"experiment_design":{"experiment_name":"A"}}',
  ],
  [`GET /experiment/${id}`, (c) => c.getExperiment(id), run(), ''],
  [`PATCH /experiment/${id}`, (c) => c.editExperiment(id, { tags: ['a'] }), run(), '{"tags":["a"]}'],
  [`POST /experiment/${id}/pause`, (c) => c.pauseExperiment(id, reason), run(), JSON.stringify(reason)],
  [`POST /experiment/${id}/continue`, (c) => c.continueExperiment(id), run(), '{}'],
  [`POST /experiment/${id}/end`, (c) => c.endExperiment(id), run(), '{}'],
  [
    `POST /experiment/${id}/end?status=failed`,
    (c) => c.endExperiment(id, { status: 'failed', ...reason }),
    run(),
    JSON.stringify(reason),
  ],
  [`POST /experiment/${id}/fail`, (c) => c.failExperiment(id), run()],
  [`POST /experiment/${id}/cancel`, (c) => c.cancelExperiment(id), run()],
  ['GET /experiment/a%2Fb%3F', (c) => c.getExperiment('a/b?'), run()],
  [
    'GET /experiments?number=5&status=paused',
    (c) => c.getExperiments({ number: 5, status: 'paused' }),
    [run()],
  ],
  [`GET /experiment/${id}/history`, (c) => c.getHistory(id), [entry]],
  [
    'POST /campaign',
    (c) => c.registerCampaign({ campaign_name: 'Dyes' }),
    campaign,
    '{"campaign_name":"Dyes"}',
  ],
  [`GET /campaign/${id}`, (c) => c.getCampaign(id), campaign],
  ['GET /campaigns', (c) => c.getCampaigns(), [campaign]],
  ['GET /health', (c) => c.health(), health],
  ['GET /definition', (c) => c.definition(), definition],
];

for (const [line, call, body, sent] of calls) {
  test(`${line} goes out as the protocol says and its reply comes back`, async (t) => {
    const manager = await fakeManager(t, (response) => reply(response, 200, body));
    const expected = Array.isArray(body) ? { items: body, next: undefined } : body;
    assert.deepEqual(await call(manager.client()), expected);
    const [asked] = manager.asked;
    assert.equal(`${asked?.method} ${asked?.url}`, line);
    if (sent !== undefined) assert.equal(asked?.body, sent);
  });
}

test('settings come by name', async (t) => {
  const settings = { server_url: 'http://localhost:8002', rate_limit_requests: 300 };
  const manager = await fakeManager(t, (response) => reply(response, 200, { settings }));
  assert.deepEqual(await manager.client().settings(), settings);
});

test('iteration follows the Link header until there is none', async (t) => {
  const manager = await fakeManager(t, (response, _asked, count) => {
    const link = { link: `<http://elsewhere/experiments?number=2&cursor=c${count}>; rel="next"` };
    reply(
      response,
      200,
      count === 3 ? [run({ version: 5 })] : [run({ version: count }), run()],
      count === 3 ? {} : link,
    );
  });
  const client = manager.client();
  const versions = await Array.fromAsync(
    client.experiments({ pageSize: 2, status: 'completed' }),
    (one) => one.version,
  );
  assert.deepEqual(versions, [1, 1, 2, 1, 5]);
  assert.deepEqual(
    manager.asked.map((asked) => asked.url),
    ['', '&cursor=c1', '&cursor=c2'].map((cursor) => `/experiments?number=2&status=completed${cursor}`),
  );
  const page = await manager.client().getExperiments();
  assert.deepEqual(page.next, 'c4');
});

test('iteration stops asking when its reader stops', async (t) => {
  const manager = await fakeManager(t, (response) =>
    reply(response, 200, [entry], { link: '</x?cursor=7>; rel=next' }),
  );
  for await (const one of manager.client().history(id)) {
    assert.equal(one.sequence, 1);
    break;
  }
  assert.equal(manager.asked.length, 1);
});

test('headers and a path of the URL are used, and fields of a newer manager stay', async (t) => {
  const manager = await fakeManager(t, (response) => reply(response, 200, { ...run(), later: [1] }));
  const client = manager.client({ url: `${manager.url}/lab/`, headers: { 'x-lab': 'A' } });
  assert.deepEqual(await client.getExperiment(id), { ...run(), later: [1] });
  assert.equal(manager.asked[0]?.url, `/lab/experiment/${id}`);
  assert.equal(manager.asked[0]?.headers['x-lab'], 'A');
});

test('a fetch of the caller is used', async () => {
  const { ExperimentClient: Client } = await import('@madsci-ts/client');
  const fetcher = () => Promise.resolve(Response.json(run({ run_name: 'mine' })));
  const client = new Client({ url: 'http://nowhere.invalid', fetch: fetcher });
  assert.equal((await client.getExperiment(id)).run_name, 'mine');
});

const numbers =
  '{"big":9007199254740993,"low":-9223372036854775808,"whole":1.0,"half":0.5,"in":[{"n":12345678901234567}]}';

test('no number is lost, out and in', async (t) => {
  const text = JSON.stringify(run()).replace('"parameters":{}', `"parameters":${numbers}`);
  const manager = await fakeManager(t, (response) => reply(response, 200, text));
  const parameters = {
    big: 9007199254740993n,
    low: -9223372036854775808n,
    whole: rawNumber('1.0'),
    half: 0.5,
    in: [{ n: 12345678901234567n }],
  };
  const client = manager.client();
  const design = { experiment_name: 'A' };
  const started = await client.startExperiment({ experiment_design: design, parameters });
  assert.equal(
    manager.asked[0]?.body,
    `{"experiment_design":{"experiment_name":"A"},"parameters":${numbers}}`,
  );
  assert.deepEqual(started.parameters, { ...parameters, whole: 1 });
  const spelled = await manager.client({ keepNumberSpelling: true }).getExperiment(id);
  assert.ok(isRawNumber(spelled.parameters['whole']));
  assert.equal(JSON.stringify(spelled.parameters), numbers);
  const bad = client.startExperiment({ experiment_design: design, parameters: { x: NaN } });
  await assert.rejects(bad, { name: 'TypeError', message: /x: NaN cannot be sent/ });
});

test('waitForStatus resolves with the run once it is there', async (t) => {
  const manager = await fakeManager(t, (response, _asked, count) =>
    reply(response, 200, run(count === 3 ? { status: 'completed', version: 3 } : {})),
  );
  const found = await manager.client().waitForStatus(id, ['completed', 'failed'], { intervalMs: 5 });
  assert.deepEqual([found.status, manager.asked.length], ['completed', 3]);
});

test('waitForStatus ends in vain: too late, never reached, aborted', async (t) => {
  let status: 'paused' | 'cancelled' = 'paused';
  const manager = await fakeManager(t, (response) => reply(response, 200, run({ status })));
  const client = manager.client();
  await assert.rejects(client.waitForStatus(id, ['completed'], { intervalMs: 20, timeoutMs: 70 }), {
    name: 'TooLateError',
    message: /still paused after 70 ms, not completed/,
  });
  const controller = new AbortController();
  const waiting = client.waitForStatus(id, ['completed'], { intervalMs: 60_000, signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  status = 'cancelled';
  await assert.rejects(client.waitForStatus(id, ['completed', 'failed']), {
    name: 'StatusNeverReachedError',
    code: 'status_never_reached',
    message: /is cancelled for good and will not become completed or failed/,
  });
});
