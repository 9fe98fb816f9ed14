import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ExperimentClient, isExperimentClientError } from '@madsci-ts/client';
import { fakeManager, id, reply, run } from './support.ts';

const cases = [
  {
    what: 'a refused transition',
    status: 409,
    body: {
      detail: 'The run is completed',
      code: 'transition_refused',
      status: 'completed',
      version: 3,
      allowed: [],
    },
    error: {
      name: 'RefusedError',
      code: 'transition_refused',
      message: 'The run is completed',
      advice: 'The run is completed; it allows no command any more',
    },
  },
  {
    what: 'another version',
    status: 409,
    body: {
      detail: 'Changed',
      code: 'version_conflict',
      status: 'paused',
      version: 7,
      allowed: ['continue'],
    },
    error: {
      code: 'version_conflict',
      conflict: {
        detail: 'Changed',
        code: 'version_conflict',
        status: 'paused',
        version: 7,
        allowed: ['continue'],
      },
      advice: 'Somebody else changed the run: look at it again and repeat with its version 7',
    },
  },
  {
    what: 'an unknown run',
    status: 404,
    body: { detail: 'Experiment not found', code: 'experiment_not_found' },
    error: { code: 'experiment_not_found', status: 404, message: 'Experiment not found' },
  },
  {
    what: 'rows of a 422',
    status: 422,
    body: { detail: [{ type: 'missing', loc: ['body', 'run_name'], msg: 'Field required', input: {} }] },
    error: { name: 'RefusedError', code: 'http_422', message: 'body.run_name: Field required' },
  },
  {
    what: 'a page of a gateway',
    status: 502,
    body: '<html>Bad Gateway</html>',
    error: { name: 'NoAnswerError', message: /a gateway answered 502/ },
  },
  {
    what: 'a page of another server',
    status: 404,
    body: '<html>Not here</html>',
    error: {
      name: 'NotUnderstoodError',
      message: /answered 404 with a body that no experiment manager sends/,
    },
  },
  {
    what: 'a reply that is not JSON',
    status: 200,
    body: '<html>Welcome</html>',
    error: { name: 'NotUnderstoodError', message: /not JSON/ },
  },
  {
    what: 'JSON of something else',
    status: 200,
    body: { hello: 'world' },
    error: { name: 'NotUnderstoodError', message: /reply\._id: Field required/ },
  },
  {
    what: 'a status nobody knows',
    status: 200,
    body: { ...run(), status: 'dancing' },
    error: { name: 'NotUnderstoodError', code: 'not_understood', message: /reply\.status/ },
  },
];

for (const { what, status, body, error } of cases) {
  test(`${what} is told by name and code, with method and URL, without secrets`, async (t) => {
    const manager = await fakeManager(t, (response) => reply(response, status, body));
    const client = manager.client({ retries: 0, headers: { authorization: 'Bearer hush' } });
    const url = `${manager.url}/experiment/${id}/pause`;
    await assert.rejects(client.pauseExperiment(id), { ...error, method: 'POST', url });
    const thrown: unknown = await client.pauseExperiment(id).catch((one: unknown) => one);
    assert.ok(isExperimentClientError(thrown));
    assert.doesNotMatch(inspect(thrown, { depth: 20, showHidden: true }), /hush/);
  });
}

test('options that cannot work are refused with a sentence', () => {
  const secret = 'http://me:hush@localhost:8002';
  assert.throws(() => new ExperimentClient({ url: 'localhost:8002' }), /url must begin with http/);
  assert.throws(
    () => new ExperimentClient({ url: secret }),
    (error: Error) => /must not hold a user name/.test(error.message) && !error.message.includes('hush'),
  );
  assert.throws(() => new ExperimentClient({ url: 'http://x', retries: -1 }), /retries must be/);
  assert.throws(() => new ExperimentClient({ url: 'http://x', timeoutMs: 0 }), /timeoutMs must be/);
});
