import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ErrorBody, InvalidBody, errors, type ErrorCode } from './errors.ts';
import { Conflict } from './experiment.ts';
import { parse } from './parse.ts';
import { otherReplies, routes, type Route } from './routes.ts';

const documentation = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const documented = documentation
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, code = '', status = '', when = '', next = '']) => ({
    code: code.slice(1, -1),
    status: Number(status),
    when,
    next,
  }));

const codes = Object.keys(errors) as ErrorCode[];

describe('errors', () => {
  test('docs/errors.md lists each code with its status, in the order of the table, and no other', () => {
    assert.deepEqual(
      documented.map(({ code, status }) => [code, status]),
      codes.map((code) => [code, errors[code].status]),
    );
  });

  for (const { code, when, next } of documented) {
    test(`docs/errors.md says when ${code} comes and what to do next`, () => {
      for (const text of [when, next]) assert.match(text, /^[A-Z`].{10,}\.$/);
    });
  }

  test('every code fits the schema of its reply', () => {
    for (const code of codes) {
      const { status, detail } = errors[code];
      assert.equal(parse(ErrorBody, { detail, code }, []).ok, true, code);
      if (status === 409) {
        const body = { detail, code, status: 'paused', version: 1, allowed: ['continue'] };
        assert.equal(parse(Conflict, body, []).ok, true, code);
      }
      if (status === 422) assert.equal(parse(InvalidBody, { detail, code }, []).ok, true, code);
    }
    assert.equal(parse(ErrorBody, { detail: 'x', code: 'other' }, []).ok, false);
  });

  test('every status that a route can reply belongs to a code', () => {
    const known = new Set<number>(codes.map((code) => errors[code].status));
    for (const route of Object.values<Route>(routes)) {
      const statuses = Object.keys(otherReplies(route)).map(Number);
      assert.deepEqual(
        statuses.filter((status) => !known.has(status)),
        [],
        route.path,
      );
    }
  });
});
