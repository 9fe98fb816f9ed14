/** Requests of every kind: encodings, limits, methods, paths. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startManager, type TestManager } from '../support/manager.ts';
import { decodeReply, encodeRequest, openSocket, readToEnd } from '../support/raw-http.ts';
import { testRows, type Row } from '../support/rows.ts';

const good = '{"experiment_design":{"experiment_name":"é"}}';
const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
const pause = 'POST /experiment/{id}/pause';
const untouched = { run: 'in_progress' as const, request: pause, history: ['start in_progress'] };
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const encodings: Row[] = [
  { name: 'UTF-8', request: 'POST /experiment', body: good, status: 200, has: ['"é"'] },
  {
    name: 'a byte order mark',
    request: 'POST /experiment',
    body: `\uFEFF${good}`,
    status: 200,
    has: ['"é"'],
  },
  {
    name: 'UTF-16',
    request: 'POST /experiment',
    body: utf16(good),
    status: 422,
    has: ['"type":"json_invalid"'],
  },
  {
    name: 'Latin-1',
    request: 'POST /experiment',
    body: Buffer.from(good, 'latin1'),
    status: 422,
    has: ['"type":"json_invalid"', 'UTF-8'],
  },
  { name: 'NaN', ...untouched, body: '{"reason":NaN}', status: 422, has: ['"loc":["body",10]'] },
  {
    name: 'Infinity',
    ...untouched,
    body: '{"reason":-Infinity}',
    status: 422,
    has: ['"type":"json_invalid"'],
  },
  {
    name: 'a number too large for a double',
    request: 'POST /experiment',
    body: '{"experiment_design":{"experiment_name":"x"},"parameters":{"a":1e999}}',
    status: 422,
    has: ['"type":"finite_number","loc":["body","parameters","a"]', '"input":"1e999"'],
  },
  {
    name: 'an integer beyond 64 bits',
    request: 'POST /experiment',
    body: '{"experiment_design":{"experiment_name":"x"},"parameters":{"a":[9223372036854775808]}}',
    status: 422,
    has: ['"type":"int_parsing_size","loc":["body","parameters","a",0]'],
  },
  {
    name: 'a condition’s key of 1e18',
    request: 'POST /experiment',
    body: '{"experiment_design":{"experiment_name":"x","resource_conditions":[{"condition_type":"resource_present","key":1e18}]}}',
    status: 200,
    has: ['"key":1000000000000000000,'],
  },
  {
    name: 'a condition’s key of 1e300',
    request: 'POST /experiment',
    body: '{"experiment_design":{"experiment_name":"x","resource_conditions":[{"condition_type":"resource_present","key":1e300}]}}',
    status: 422,
    has: ['"type":"int_parsing_size"'],
  },
  {
    name: 'a lone surrogate',
    ...untouched,
    body: String.raw`{"reason":"\ud800"}`,
    status: 422,
    has: ['"type":"string_unicode","loc":["body","reason"]', String.raw`"input":"\ud800"`],
  },
  {
    name: 'a lone surrogate in a name',
    request: 'POST /experiment',
    body: String.raw`{"experiment_design":{"experiment_name":"x"},"parameters":{"\udfff":1}}`,
    status: 422,
    has: ['"type":"string_unicode"'],
  },
  {
    name: 'a pair of surrogates is a character',
    ...untouched,
    history: ['start in_progress', 'pause paused'],
    body: String.raw`{"reason":"\ud83e\uddea"}`,
    status: 200,
    has: ['"status_reason":"🧪"'],
  },
  { name: 'two JSON values', ...untouched, body: '{}{}', status: 422, has: ['"loc":["body",2]'] },
  {
    name: 'a list where an object belongs',
    ...untouched,
    body: '[]',
    status: 422,
    has: ['"type":"model_attributes_type","loc":["body"]'],
  },
  { name: 'null where an object belongs', ...untouched, body: 'null', status: 422, has: ['"input":null'] },
  {
    name: 'a body of another type is a text',
    ...untouched,
    body: '{}',
    headers: { 'content-type': 'text/plain' },
    status: 422,
    has: ['"input":"{}"'],
  },
  {
    name: 'a form',
    ...untouched,
    body: 'reason=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 422,
  },
  {
    name: 'values nested 255 deep',
    request: 'POST /experiment',
    body: `{"experiment_design":{"experiment_name":"x"},"parameters":{"a":${nested(254)}}}`,
    status: 200,
  },
  {
    name: 'values nested 300 deep',
    request: 'POST /experiment',
    body: `{"experiment_design":{"experiment_name":"x"},"parameters":{"a":${nested(300)}}}`,
    status: 422,
    has: ['"type":"recursion_limit"'],
  },
  {
    name: 'a body nested 5000 deep',
    ...untouched,
    body: nested(5000),
    status: 400,
    has: ['"code":"bad_request"'],
  },
  {
    name: 'a body nested 100000 deep, and numbers in it',
    ...untouched,
    body: nested(100_000).replace('[]', '[1.0]'),
    status: 400,
  },
  {
    name: 'brackets in a text do not nest',
    ...untouched,
    history: ['start in_progress', 'pause paused'],
    body: JSON.stringify({ reason: '[\\"'.repeat(2000) }),
    status: 200,
  },
  {
    name: 'a reason that is too long',
    ...untouched,
    body: { reason: 'x'.repeat(10_001) },
    status: 422,
    has: ['"type":"string_too_long"'],
  },
];

const paths: Row[] = [
  {
    name: 'no such path',
    request: 'GET /nope',
    status: 404,
    has: ['{"detail":"Not Found","code":"not_found"}'],
  },
  { name: 'no such path, whatever the method', request: 'DELETE /nope', status: 404 },
  { name: 'an empty id', request: 'POST /experiment//end', status: 404, has: ['"detail":"Not Found"'] },
  { name: 'two slashes', request: 'GET //', status: 404 },
  { name: 'another path’s tail', request: 'GET /experiment/x/y/z', status: 404 },
  { name: 'a path that climbs', request: 'GET /docs/../../etc/passwd', status: 404 },
  {
    name: 'an escaped slash belongs to the id',
    request: 'GET /experiment/a%2Fb',
    status: 404,
    has: ['"Experiment not found"'],
  },
  { name: 'a trailing slash', request: 'GET /health/', status: 200 },
  {
    name: 'an id of 10000 characters',
    request: `GET /experiment/${'x'.repeat(10_000)}`,
    status: 404,
    has: ['"Experiment not found"'],
  },
  {
    name: 'the wrong method',
    request: 'PUT /experiment',
    status: 405,
    has: ['allow: POST\n', '{"detail":"Method Not Allowed","code":"method_not_allowed"}'],
  },
  {
    name: 'a method with a body',
    request: 'DELETE /experiment/x',
    body: '{}',
    status: 405,
    has: ['allow: GET, PATCH\n'],
  },
  { name: 'a method that is read like GET', request: 'QUERY /health', status: 405, has: ['allow: GET\n'] },
  {
    name: 'OPTIONS without a preflight',
    request: 'OPTIONS /experiments',
    status: 405,
    has: ['allow: GET\n'],
  },
  {
    name: 'the wrong method of a document',
    request: 'POST /openapi.json',
    status: 405,
    has: ['allow: GET\n'],
  },
  {
    name: 'HEAD is GET without a body',
    request: 'HEAD /health',
    status: 200,
    has: ['content-type: application/json'],
    hasNot: ['healthy'],
  },
  { name: 'HEAD of a run', run: 'paused', request: 'HEAD /experiment/{id}', status: 200, hasNot: ['_id'] },
  { name: 'HEAD of no run', request: 'HEAD /experiment/nope', status: 404, hasNot: ['detail'] },
  {
    name: 'headers of 20000 bytes',
    request: 'GET /health',
    headers: { 'x-much': 'x'.repeat(20_000) },
    status: 431,
    has: [
      'connection: close',
      '{"detail":"The headers are larger than max_header_bytes","code":"headers_too_large"}',
    ],
  },
  {
    name: 'a header without end is no HTTP',
    request: 'GET /health',
    headers: { 'bad header': 'x' },
    status: 400,
    has: ['Invalid HTTP request received.'],
  },
  {
    name: 'two lengths',
    request: 'POST /experiment',
    body: good,
    headers: { 'transfer-encoding': 'chunked' },
    status: 400,
  },
];

describe('requests', () => {
  let manager: TestManager;
  before(async () => void (manager = await startManager()));
  after(() => manager.stop());
  describe('bodies', () => testRows(() => manager.url, encodings));
  describe('paths and methods', () => testRows(() => manager.url, paths));

  test('an idle connection is kept for more than a minute, and says so', async () => {
    const reply = await fetch(`${manager.url}/health`);
    await reply.text();
    assert.equal(reply.headers.get('connection'), 'keep-alive');
    assert.ok(Number(/^timeout=(\d+)$/.exec(reply.headers.get('keep-alive') ?? '')?.[1]) >= 60);
  });
});

describe('narrow limits', () => {
  let manager: TestManager;
  const env = {
    EXPERIMENT_MAX_BODY_BYTES: '1000',
    EXPERIMENT_MAX_HEADER_BYTES: '2000',
    EXPERIMENT_REQUEST_TIMEOUT_MS: '500',
  };
  before(async () => void (manager = await startManager({ env })));
  after(async () => {
    const { stderr } = await manager.stop();
    assert.doesNotMatch(stderr, /"level":50/, 'what a client does wrong is no fault of the manager');
  });
  const tooLarge = {
    status: 413,
    has: ['{"detail":"The body is larger than max_body_bytes","code":"body_too_large"}'],
  };

  describe('sizes', () =>
    testRows(
      () => manager.url,
      [
        {
          name: 'a body of just the limit',
          ...untouched,
          body: `{"reason":"${'x'.repeat(1000 - 13)}"}`,
          status: 200,
          history: ['start in_progress', 'pause paused'],
        },
        {
          name: 'a body of one byte more',
          ...untouched,
          body: `{"reason":"${'x'.repeat(1001 - 13)}"}`,
          ...tooLarge,
        },
        {
          name: 'a body of chunks without a length',
          ...untouched,
          headers: { 'transfer-encoding': 'chunked', 'content-length': null },
          body: `3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`,
          ...tooLarge,
        },
        {
          name: 'a header of more than the limit',
          request: 'GET /health',
          headers: { 'x-much': 'x'.repeat(2000) },
          status: 431,
        },
      ],
    ));

  for (const [part, sent] of [
    ['body', encodeRequest('localhost', { method: 'POST', path: '/experiment', body: good }).subarray(0, -5)],
    ['head', Buffer.from('GET /health HTTP/1.1\r\nhost: loc')],
  ] as const) {
    test(`a ${part} that does not arrive in time is a 408`, async () => {
      const socket = await openSocket(manager.url);
      socket.write(sent);
      const reply = decodeReply(await readToEnd(socket));
      assert.equal(reply.status, 408);
      assert.match(reply.text, /"code":"request_timeout"/);
    });
  }
});

test('max_connections: one connection more is closed without an answer', async () => {
  await using manager = await startManager({ env: { EXPERIMENT_MAX_CONNECTIONS: '2' } });
  const kept = [await openSocket(manager.url), await openSocket(manager.url)];
  const refused = await openSocket(manager.url);
  refused.on('error', () => undefined);
  await once(refused, 'close');
  assert.equal(refused.bytesRead, 0);
  kept[0]?.destroy();
  kept[1]?.write(encodeRequest('localhost', { method: 'GET', path: '/health' }));
  const reply = kept[1] === undefined ? undefined : decodeReply(await readToEnd(kept[1]));
  assert.equal(reply?.status, 200);
});
