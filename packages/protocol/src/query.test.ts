import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseQuery } from './query.ts';
import { maxPageSize, routes } from './routes.ts';

const list = (query: Record<string, unknown>) => parseQuery(routes.listExperiments.query, query);

describe('parseQuery', () => {
  const numbers: [given: unknown, read: number][] = [
    ['1', 1],
    ['+7', 7],
    [' 12 ', 12],
    ['1_000', 1000],
    ['5.', 5],
    ['5.00', 5],
    ['007', 7],
    [['1', '2'], 2],
    [String(maxPageSize), maxPageSize],
  ];
  for (const [given, read] of numbers) {
    test(`number=${String(given)} is ${read}`, () => {
      assert.deepEqual(list({ number: given }), { ok: true, value: { number: read } });
    });
  }

  const refused: [
    query: Record<string, unknown>,
    ...issues: [type: string, name: string, input: unknown][],
  ][] = [
    [{ number: '' }, ['int_parsing', 'number', '']],
    [{ number: 'ten' }, ['int_parsing', 'number', 'ten']],
    [{ number: '1.5' }, ['int_parsing', 'number', '1.5']],
    [{ number: '1e3' }, ['int_parsing', 'number', '1e3']],
    [{ number: '1__0' }, ['int_parsing', 'number', '1__0']],
    [{ number: '0' }, ['greater_than_equal', 'number', '0']],
    [{ number: '-3' }, ['greater_than_equal', 'number', '-3']],
    [{ number: '10001' }, ['less_than_equal', 'number', '10001']],
    [{ number: '9'.repeat(20) }, ['less_than_equal', 'number', '9'.repeat(20)]],
    [{ number: '9'.repeat(400) }, ['int_parsing_size', 'number', '9'.repeat(400)]],
    [{ number: ['1', 'x'] }, ['int_parsing', 'number', 'x']],
    [{ status: 'done' }, ['enum', 'status', 'done']],
    [{ status: '' }, ['enum', 'status', '']],
    [{ cursor: '1' }, ['string_pattern_mismatch', 'cursor', '1']],
    [{ number: 'x', status: 'y' }, ['int_parsing', 'number', 'x'], ['enum', 'status', 'y']],
  ];
  for (const [query, ...expected] of refused) {
    test(`${JSON.stringify(query).slice(0, 60)} is refused`, () => {
      const parsed = list(query);
      assert.ok(!parsed.ok);
      assert.deepEqual(
        parsed.issues.map(({ type, loc, input }) => [type, loc, input]),
        expected.map(([type, name, input]) => [type, ['query', name], input]),
      );
    });
  }

  test('what was not asked for is the default, what is unknown is dropped', () => {
    const query = JSON.parse('{"other":"1","__proto__":"2"}') as Record<string, unknown>;
    assert.deepEqual(list(query), { ok: true, value: { number: 10 } });
  });

  test('an end may say its outcome in each spelling, or nothing', () => {
    const end = (status: string) => parseQuery(routes.endExperiment.query, { status });
    for (const status of ['', 'failed', 'ExperimentStatus.CANCELLED'])
      assert.deepEqual(end(status), { ok: true, value: { status } });
    for (const status of ['FAILED', 'paused', 'ExperimentStatus.failed', ' failed'])
      assert.equal(end(status).ok, false);
  });
});
