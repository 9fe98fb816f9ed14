/** Web pages of other sites can change nothing; the laboratory's own can do everything. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { startManager, type TestManager } from '../support/manager.ts';
import { sendRaw } from '../support/raw-http.ts';
import { testRows, type Row } from '../support/rows.ts';

const pause = 'POST /experiment/{id}/pause';
const refused = (name: string, headers: Row['headers'] & object): Row => ({
  name: `${name}: refused`,
  run: 'in_progress',
  request: pause,
  headers,
  status: 403,
  has: ['"code":"foreign_origin"', 'vary: Origin'],
  hasNot: ['access-control-allow'],
  history: ['start in_progress'],
});
const allowed = (name: string, headers: Row['headers'] & object): Row => ({
  name: `${name}: allowed`,
  run: 'in_progress',
  request: pause,
  headers,
  status: 200,
  has: [
    `access-control-allow-origin: ${headers['origin']}`,
    'access-control-expose-headers: link',
    'vary: Origin',
  ],
  history: ['start in_progress', 'pause paused'],
});
const foreign = { origin: 'http://evil.example' };
const machine = hostname().toLowerCase();
const preflight = {
  'access-control-request-method': 'PATCH',
  'access-control-request-headers': 'content-type',
};

const rows: Row[] = [
  refused('a foreign page', foreign),
  refused('a page without an origin of its own', { origin: 'null' }),
  refused('a name that its owner pointed here', {
    origin: 'http://evil.example:8002',
    host: 'evil.example:8002',
  }),
  refused('a name that its owner pointed here and that begins like this machine’s', {
    origin: `http://${machine}.evil.example:8002`,
    host: `${machine}.evil.example:8002`,
  }),
  refused('a name that only begins like loopback', { origin: 'http://localhost.evil.example' }),
  refused('a name that only ends like loopback', { origin: 'http://evil-localhost' }),
  refused('an address that only begins like loopback', { origin: 'http://127.0.0.1.evil.example' }),
  refused('another port of another machine', { origin: 'http://10.0.0.7:1', host: '10.0.0.7:8002' }),
  refused('an extension', { origin: 'chrome-extension://abcdef' }),
  refused('an origin that is none', { origin: 'evil' }),
  refused('the configured host under another scheme', { origin: 'http://lab.example' }),
  refused('a page below the configured host', { origin: 'https://x.lab.example' }),
  allowed('the configured page', { origin: 'https://lab.example' }),
  allowed('loopback', { origin: 'http://localhost:5173' }),
  allowed('loopback as an address', { origin: 'http://127.0.0.1:9' }),
  allowed('loopback as an IPv6 address', { origin: 'http://[::1]:9' }),
  allowed('the manager’s own page by its address', { origin: 'http://10.0.0.7:8002', host: '10.0.0.7:8002' }),
  allowed('the manager’s own page by this machine’s name', {
    origin: `http://${machine}:8002`,
    host: `${machine}:8002`,
  }),
  {
    name: 'no program sends an origin, and none is asked for',
    run: 'in_progress',
    request: pause,
    status: 200,
    hasNot: ['access-control', 'vary'],
  },
  {
    name: 'PATCH of a foreign page: refused',
    run: 'in_progress',
    request: 'PATCH /experiment/{id}',
    headers: foreign,
    body: { notes: 'x' },
    status: 403,
    history: ['start in_progress'],
  },
  {
    name: 'a start by a foreign page: refused',
    request: 'POST /experiment',
    headers: { ...foreign, 'content-type': 'text/plain' },
    body: '{}',
    status: 403,
  },
  {
    name: 'a campaign by a foreign page: refused',
    request: 'POST /campaign',
    headers: foreign,
    body: { campaign_name: 'x' },
    status: 403,
  },
  {
    name: 'a foreign page that reads gets no CORS answer, so that its browser shows it nothing',
    run: 'paused',
    request: 'GET /experiment/{id}',
    headers: foreign,
    status: 200,
    hasNot: ['access-control'],
  },
  {
    name: 'the preflight of a foreign page',
    request: 'OPTIONS /experiment/x',
    headers: { ...foreign, ...preflight },
    status: 400,
    has: ['Disallowed CORS origin'],
    hasNot: ['access-control'],
  },
  {
    name: 'the preflight of the configured page',
    request: 'OPTIONS /experiment/x',
    headers: { origin: 'https://lab.example', ...preflight },
    status: 200,
    has: [
      'access-control-allow-origin: https://lab.example',
      'access-control-allow-methods: GET, POST, PATCH',
      'access-control-allow-headers: content-type',
      'access-control-max-age: 600',
    ],
  },
];

describe('cross-site', () => {
  let manager: TestManager;
  const env = { EXPERIMENT_ALLOWED_ORIGINS: '["https://lab.example"]' };
  before(async () => void (manager = await startManager({ env })));
  after(() => manager.stop());
  testRows(() => manager.url, rows);

  test('none of the refused made a run or a campaign', async () => {
    const runs = rows.filter(({ run }) => run !== undefined).length;
    const health = await sendRaw(manager.url, { method: 'GET', path: '/health' });
    assert.match(health.text, new RegExp(`"total_experiments":${runs},`));
    assert.equal((await sendRaw(manager.url, { method: 'GET', path: '/campaigns' })).text, '[]');
  });
});
