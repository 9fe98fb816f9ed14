import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isRawNumber, parseJson, rawNumber } from './json.ts';

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: 1, maxLength: 22 });
const integer = digits.map((text) => text.replace(/^0+(?=\d)/, ''));
const exponent = fc.tuple(
  fc.constantFrom('e', 'E'),
  fc.constantFrom('', '+', '-'),
  fc.constantFrom('0', '5', '05', '300', '400'),
);

/** Any spelling of a number that JSON allows. */
const number = fc
  .record({
    sign: fc.constantFrom('', '-'),
    integer,
    fraction: fc.option(digits, { nil: undefined }),
    exponent: fc.option(
      exponent.map((parts) => parts.join('')),
      { nil: '' },
    ),
  })
  .map(
    (part) =>
      part.sign + part.integer + (part.fraction === undefined ? '' : `.${part.fraction}`) + part.exponent,
  );

/** Texts that look like numbers in JSON, where the parser must not see one. */
const trickyText = fc.oneof(
  fc.constantFrom(
    'a:1.0,',
    '[1e5]',
    '2026-11-22T22:10:15.123Z',
    '":1.50,"',
    '\\", 1.0 ]',
    '{"a":12345678901234567890}',
  ),
  fc.string({ unit: 'binary' }),
);
const name = fc.oneof(
  fc.constant('__proto__'),
  trickyText.map((text) => `k${text}`),
);
const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

/** A JSON text, and the same without its spaces. */
interface Text {
  spaced: string;
  compact: string;
}

function list(items: Text[], spaces: string[], [open, close]: readonly [string, string]): Text {
  const gap = (index: number) => spaces[index % spaces.length] ?? '';
  const inner = items.map((item, index) => gap(index) + item.spaced + gap(index + 1)).join(',');
  return {
    spaced: open + inner + gap(2) + close,
    compact: open + items.map((item) => item.compact).join(',') + close,
  };
}

function member(key: string, value: Text, spaces: string): Text {
  const quoted = JSON.stringify(key);
  return { spaced: `${quoted}${spaces}:${spaces}${value.spaced}`, compact: `${quoted}:${value.compact}` };
}

const { document } = fc.letrec<{ document: Text; array: Text; object: Text }>((tie) => ({
  document: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    number.map((text) => ({ spaced: text, compact: text })),
    fc.oneof(trickyText, fc.boolean(), fc.constant(null)).map((value) => {
      return { spaced: JSON.stringify(value), compact: JSON.stringify(value) };
    }),
    tie('array'),
    tie('object'),
  ),
  array: fc
    .tuple(fc.array(tie('document'), { maxLength: 5 }), fc.array(space, { minLength: 1 }))
    .map(([items, spaces]) => list(items, spaces, ['[', ']'])),
  object: fc
    .tuple(
      fc.uniqueArray(fc.tuple(name, tie('document'), space), { maxLength: 5, selector: ([key]) => key }),
      fc.array(space, { minLength: 1 }),
    )
    .map(([members, spaces]) =>
      list(
        members.map((one) => member(...one)),
        spaces,
        ['{', '}'],
      ),
    ),
}));

const padded = fc.tuple(space, document, space).map(([before, text, after]) => {
  return { spaced: before + text.spaced + after, compact: text.compact };
});

const rewritten = (text: string) => JSON.stringify(parseJson(text));

describe('parseJson', () => {
  test('every text comes back as it was, but for spaces', () => {
    fc.assert(
      fc.property(padded, ({ spaced, compact }) => {
        assert.equal(rewritten(spaced), compact);
      }),
      { numRuns: 2000 },
    );
  });

  test('values are those of JSON.parse', () => {
    fc.assert(
      fc.property(padded, ({ spaced }) => {
        assert.deepEqual(JSON.parse(rewritten(spaced)), JSON.parse(spaced));
      }),
    );
  });

  for (const text of [
    '1.0',
    '-0',
    '1e5',
    '1E+05',
    '9223372036854775807',
    '-9223372036854775808',
    '0.10',
    '1e400',
  ]) {
    test(`${text} keeps its spelling wherever it stands`, () => {
      const value = parseJson(`[${text}]`);
      assert.ok(Array.isArray(value) && isRawNumber(value[0]));
      for (const around of [
        text,
        `[1,${text}]`,
        `{"a":${text}}`,
        `{"a":[[${text} ],{"b":\n${text}}],"c":"x"}`,
      ]) {
        assert.equal(rewritten(around), around.replaceAll(/\s/g, ''));
      }
    });
  }

  for (const text of ['0', '1', '-1', '1.5', '0.1', '9007199254740991', '-12.25']) {
    test(`${text} is an ordinary number`, () => {
      assert.deepEqual(parseJson(`[${text}]`), [Number(text)]);
    });
  }

  test('texts that hold numbers stay texts', () => {
    const value = { at: '2026-11-22T22:10:15.123Z', list: '[1.0,2e5]', n: ':12345678901234567890,' };
    assert.deepEqual(parseJson(JSON.stringify(value)), value);
  });

  test('the last of equal names counts, in its spelling', () => {
    assert.equal(rewritten('{"a":1.0,"a":2}'), '{"a":2}');
    assert.equal(rewritten('{"a":2,"a":[1.0]}'), '{"a":[1.0]}');
  });

  test('__proto__ is a name like any other', () => {
    for (const text of ['{"__proto__":{"admin":true}}', '{"__proto__":{"admin":1.0}}']) {
      const value = parseJson(text);
      assert.ok(typeof value === 'object' && value !== null);
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
      assert.equal('admin' in value, false);
      assert.equal(JSON.stringify(value), text);
    }
  });

  for (const text of [
    '',
    '{',
    '[1.0,]',
    '[01.0]',
    '[1.]',
    '[.5]',
    '[+1.0]',
    '[NaN]',
    '[1.0] x',
    "{'a':1.0}",
  ]) {
    test(`${JSON.stringify(text)} is refused as JSON.parse refuses it`, () => {
      assert.throws(() => JSON.parse(text), SyntaxError);
      assert.throws(() => parseJson(text), SyntaxError);
    });
  }

  test('thousands of levels around a number are refused as no JSON', () => {
    const deep = (levels: number) => '['.repeat(levels) + '1.0' + ']'.repeat(levels);
    assert.equal(rewritten(deep(500)), deep(500));
    assert.throws(() => parseJson(deep(100_000)), SyntaxError);
  });
});

test('rawNumber makes a number of the given spelling', () => {
  assert.equal(JSON.stringify({ a: rawNumber('1.00') }), '{"a":1.00}');
  assert.ok(isRawNumber(rawNumber('1.00')));
  assert.equal(isRawNumber({ rawJSON: '1.00' }), false);
  assert.throws(() => rawNumber('{}'), SyntaxError);
});
