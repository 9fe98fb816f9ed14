import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeRunCursor, encodeRunCursor, runCursorPattern, type RunPosition } from './cursor.ts';

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.split('');
const id = fc.string({ unit: fc.constantFrom(...crockford), minLength: 26, maxLength: 26 });
const started_at = fc
  .date({
    min: new Date('0000-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString());
const position: fc.Arbitrary<RunPosition> = fc.record({ started_at, id }, { noNullPrototype: true });

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

describe('run cursor', () => {
  test('names a position and gives it back', () => {
    const one = { started_at: '2026-01-20T10:00:00.123Z', id: '01KFDZP1T0000000000000000A' };
    assert.equal(encodeRunCursor(one), '2026012010000012301KFDZP1T0000000000000000A');
    fc.assert(
      fc.property(position, (any) => {
        assert.match(encodeRunCursor(any), new RegExp(runCursorPattern));
        assert.deepEqual(decodeRunCursor(encodeRunCursor(any)), any);
      }),
    );
  });

  test('sorts as time, then id', () => {
    const near = fc.tuple(position, position, fc.boolean()).map(([a, b, together]) => {
      return [a, together ? { ...b, started_at: a.started_at } : b] as const;
    });
    fc.assert(
      fc.property(near, ([a, b]) => {
        const byFields = Date.parse(a.started_at) - Date.parse(b.started_at) || compareText(a.id, b.id);
        assert.equal(compareText(encodeRunCursor(a), encodeRunCursor(b)), Math.sign(byFields));
      }),
    );
  });

  test('any text of the pattern is a cursor, also one that names no real time', () => {
    fc.assert(
      fc.property(fc.stringMatching(new RegExp(runCursorPattern)), (text) => {
        const { started_at: time } = decodeRunCursor(text);
        if (text.startsWith('x')) return;
        assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(encodeRunCursor(decodeRunCursor(text)), text);
      }),
    );
  });

  test('a foreign start and id come back, whatever they are', () => {
    const started = fc.string({ unit: 'binary', maxLength: 100 }).filter((text) => !text.includes('\n'));
    fc.assert(
      fc.property(started, fc.string({ unit: 'binary', maxLength: 100 }), (time, name) => {
        const cursor = encodeRunCursor({ started_at: time, id: name });
        assert.match(cursor, new RegExp(runCursorPattern));
        assert.deepEqual(decodeRunCursor(cursor), { started_at: time, id: name });
      }),
    );
  });
});
