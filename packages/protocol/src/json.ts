/**
 * JSON that loses no number: `1.0` stays `1.0` and an integer keeps all its digits.
 *
 * JavaScript's own `JSON.parse` turns `1.0` into `1` and rounds integers beyond 2^53. Numbers that would not survive are kept as
 * `RawNumber` (the object that `JSON.rawJSON` makes), which `JSON.stringify` writes out as it was read.
 */

/** A number in its original spelling. `JSON.stringify` writes `rawJSON` as it stands. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Any JSON value as `parseJson` returns it. */
export type JsonValue =
  null | boolean | number | string | RawNumber | JsonValue[] | { [key: string]: JsonValue };

// In V8 since Chrome 114 and Node 22; TypeScript's library does not declare them yet.
const json = JSON as typeof JSON & {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
  parse(
    text: string,
    reviver: (key: string, value: JsonValue, context: { source?: string }) => unknown,
  ): JsonValue;
};

/** Matches where a number stands that may not survive: a fraction, an exponent, 16 digits and more, or -0. */
const delicateNumber = /(?:^|[:[,])\s*-?(?:\d+\.\d|\d+[eE]|\d{16}|(?<=-)0)[\d.eE+-]*\s*(?:$|[,}\]])/;

/** A number that `JSON.stringify` may spell otherwise, kept in the given spelling, e.g. `rawNumber('1.0')`. */
export function rawNumber(text: string): RawNumber {
  return json.rawJSON(text);
}

export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}

/**
 * Parses JSON, keeping in their spelling those numbers that JavaScript would change.
 *
 * @throws SyntaxError where the text is not JSON, or nests thousands of levels deep
 */
export function parseJson(text: string): JsonValue {
  if (!delicateNumber.test(text)) return JSON.parse(text) as JsonValue;
  try {
    return json.parse(text, keepSpelling);
  } catch (error) {
    // The reviver is called recursively, so that its depth is limited by the stack.
    if (error instanceof RangeError) throw new SyntaxError('JSON nests too deep', { cause: error });
    throw error;
  }
}

function keepSpelling(_key: string, value: JsonValue, context: { source?: string }): JsonValue {
  const source = context.source;
  return typeof value === 'number' && source !== undefined && String(value) !== source
    ? json.rawJSON(source)
    : value;
}
