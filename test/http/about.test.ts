/** What the manager says of itself: definition, settings, health, metrics, documentation, log. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startManager, type TestManager } from '../support/manager.ts';
import { sendRaw } from '../support/raw-http.ts';
import { runIn, testRows, type Row } from '../support/rows.ts';

const secret = 's3cr3t-word';
const env = {
  EXPERIMENT_MANAGER_NAME: 'Bench 4',
  EXPERIMENT_MANAGER_ID: '01KABD0000000000000000EXP1',
  EVENT_SERVER_URL: `http://user:${secret}@127.0.0.1:1/?token=${secret}`,
};

const rows: Row[] = [
  {
    name: 'the definition',
    request: 'GET /definition',
    status: 200,
    has: [
      '{"name":"Bench 4","description":null,"manager_id":"01KABD0000000000000000EXP1","manager_type":"experiment_manager","experiment_manager_id":"01KABD0000000000000000EXP1"',
    ],
  },
  {
    name: 'the settings, without secrets',
    request: 'GET /settings?include_defaults=true&include_schema=false',
    status: 200,
    has: ['{"settings":{"server_url":"http://127.0.0.1:0/"', '"max_body_bytes":10485760', '***REDACTED***'],
    hasNot: [secret],
  },
  {
    name: 'health',
    request: 'GET /health',
    status: 200,
    has: [
      '{"healthy":true,"description":"Experiment Manager is running normally","db_connected":true,"total_experiments":',
    ],
  },
];

/** Figures by their line's name and labels. */
function figures(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('about', () => {
  let manager: TestManager;
  before(async () => void (manager = await startManager({ env })));
  after(() => manager.stop());
  const get = (path: string) => sendRaw(manager.url, { method: 'GET', path });
  testRows(() => manager.url, rows);

  test('metrics count runs by status and requests by route, not by path', async () => {
    const id = await runIn(manager.url, 'paused');
    await runIn(manager.url, 'failed');
    await get(`/experiment/${id}`);
    await get('/experiment/nope');
    await get('/no/such/path');
    const { text, headers } = await get('/metrics');
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    const found = figures(text);
    assert.equal(found.get('madsci_experiments{status="paused"}'), 1);
    assert.equal(found.get('madsci_experiments{status="failed"}'), 1);
    assert.equal(found.get('madsci_experiments{status="completed"}'), 0);
    const route = 'route="/experiment/:id"';
    assert.equal(found.get(`madsci_http_requests_total{method="GET",${route},status="200"}`), 1);
    assert.equal(found.get(`madsci_http_requests_total{method="GET",${route},status="404"}`), 1);
    assert.equal(found.get(`madsci_http_request_duration_seconds_count{method="GET",${route}}`), 2);
    assert.ok((found.get('process_cpu_user_seconds_total') ?? 0) > 0);
    assert.doesNotMatch(text, new RegExp(`${id}|no/such`));
  });

  for (const path of ['/docs', '/redoc', '/docs/oauth2-redirect']) {
    test(`${path} names no other host, and what it loads is here`, async () => {
      const page = await get(path);
      assert.equal(page.status, 200);
      assert.match(page.headers['content-type'] ?? '', /^text\/html/);
      const references = Array.from(
        page.text.matchAll(/(?:src|href|spec-url)="([^"]*)"/g),
        ([, to = '']) => to,
      );
      assert.ok(references.length > 0, page.text);
      assert.doesNotMatch(page.text, /(?:src|href)="(?:https?:)?\/\//);
      for (const reference of references) {
        const { status, text } = await get(new URL(reference, `${manager.url}${path}`).pathname);
        assert.equal(status, 200, reference);
        assert.ok(text.length > 1000, reference);
      }
    });
  }

  test('the pages may talk to this manager only', async () => {
    for (const path of ['/docs', '/redoc']) {
      const { headers } = await get(path);
      assert.match(headers['content-security-policy'] ?? '', /^default-src 'self';/);
      assert.doesNotMatch(headers['content-security-policy'] ?? '', /https?:|\*/);
    }
  });

  test('each request is one line of the log, by its id and who sent it, and no secret is in it', async () => {
    const { headers } = await sendRaw(manager.url, {
      method: 'GET',
      path: '/experiment/one?x=1',
      headers: { authorization: `Bearer ${secret}`, cookie: `session=${secret}` },
    });
    const id = headers['x-request-id'] ?? '';
    // Lines are written together, a little later.
    while (!manager.stderr().includes(`"${id}"`)) await new Promise((resolve) => setTimeout(resolve, 10));
    const lines = manager
      .stderr()
      .split('\n')
      .filter((line) => line.includes(`"${id}"`));
    assert.equal(lines.length, 1);
    const { time, ms, ...line } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    assert.deepEqual(line, {
      level: 30,
      request_id: id,
      actor: 'anonymous@127.0.0.1',
      method: 'GET',
      url: '/experiment/one?x=1',
      status: 404,
      msg: 'request',
    });
    assert.match(String(time), /^\d{4}-.*Z$/);
    assert.equal(typeof ms, 'number');
    assert.ok(!manager.stderr().includes(secret), manager.stderr());
  });
});
