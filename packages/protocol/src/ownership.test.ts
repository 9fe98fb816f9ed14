import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OwnershipInfo, OwnershipInfoInput, ownershipFields, setOwners } from './ownership.ts';
import { parse } from './parse.ts';

const read = (value: unknown) => parse(OwnershipInfoInput, value, ['ownership_info']);
const ulid = fc.ulid();
const someFields = fc.uniqueArray(fc.constantFrom(...ownershipFields));

describe('ownership', () => {
  test('any ULID is taken in any field', () => {
    fc.assert(
      fc.property(someFields, ulid, (fields, id) => {
        const info = Object.fromEntries(fields.map((field) => [field, id]));
        const parsed = read(info);
        assert.ok(parsed.ok);
        assert.deepEqual(setOwners(parsed.value), info);
      }),
    );
  });

  for (const text of [
    '',
    'x',
    '01ARZ3NDEKTSV4RRFFQ69G5FA',
    '01ARZ3NDEKTSV4RRFFQ69G5FAVX',
    '81ARZ3NDEKTSV4RRFFQ69G5FAV',
    '01ARZ3NDEKTSV4RRFFQ69G5FIL',
    '01arz3ndektsv4rrffq69g5fav',
    ' 1ARZ3NDEKTSV4RRFFQ69G5FAV',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV\n',
  ]) {
    test(`${JSON.stringify(text)} is no ULID`, () => {
      for (const field of ownershipFields) {
        const parsed = read({ [field]: text });
        assert.ok(!parsed.ok);
        assert.deepEqual(parsed.issues, [
          {
            type: 'value_error',
            loc: ['ownership_info', field],
            msg: `Value error, Invalid ULID ${text} for field ${field}`,
            input: text,
            ctx: { error: {} },
          },
        ]);
      }
    });
  }

  test('only set ids are shown, in the fixed order', () => {
    fc.assert(
      fc.property(someFields, someFields, ulid, (set, unset, id) => {
        const input = Object.fromEntries([
          ...unset.map((field) => [field, null]),
          ...set.map((field) => [field, id]),
        ]);
        assert.deepEqual(
          Object.keys(setOwners(input)),
          ownershipFields.filter((field) => set.includes(field)),
        );
      }),
    );
  });

  test('what is stored fits the schema of replies', () => {
    const stored = setOwners({ manager_id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', user_id: null });
    assert.deepEqual(parse(OwnershipInfo, stored, []), {
      ok: true,
      value: { manager_id: '01ARZ3NDEKTSV4RRFFQ69G5FAV' },
    });
    assert.equal(parse(OwnershipInfo, { user_id: null }, []).ok, false);
  });
});
