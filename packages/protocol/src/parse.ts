/**
 * Reads a request by its schema: checks it, fills in defaults, orders fields as the schema does, and drops unknown ones (unless the
 * schema keeps them). What is wrong is reported in FastAPI's form, all at once, so that clients of MADSci see what they saw before.
 * Beside JSON Schema's own keywords it reads `x-ulid-field` (pydantic's message for a bad ULID) and `x-branch` (the branch's name in
 * the `loc` of a union's errors).
 */
import type { Static, TSchema } from 'typebox';
import { isRawNumber, rawNumber } from './json.ts';
import { toUtc } from './time.ts';

/** One fault of a request: FastAPI's form. `input` is what was given. */
export interface Issue {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

/** How deep free-form JSON may nest: pydantic's own limit when it writes JSON. */
export const maxValueDepth = 255;

/** Most faults that are reported of one request: a reply must not grow with every wrong item of a long list. */
export const maxIssues = 100;

interface Keywords {
  type?: string | string[];
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: Keywords[];
  discriminator?: { propertyName: string };
  properties?: Record<string, Keywords>;
  required?: string[];
  additionalProperties?: boolean | Keywords;
  patternProperties?: Record<string, Keywords>;
  items?: Keywords | Keywords[];
  default?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  'x-ulid-field'?: string;
  'x-branch'?: string;
}

type Loc = (string | number)[];

/** What a schema made of a value: the value, or everything that is wrong with it. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; issues: Issue[] };

/** Reads `value` by `schema`; `loc` is where it stands in the request, e.g. `['body']`. */
export function parse<T extends TSchema>(schema: T, value: unknown, loc: Loc): Parsed<Static<T>> {
  const issues: Issue[] = [];
  const result = read(schema, value, loc, issues);
  return issues.length === 0 ? { ok: true, value: result as Static<T> } : { ok: false, issues };
}

function read(schema: Keywords, value: unknown, loc: Loc, issues: Issue[]): unknown {
  if (schema.anyOf !== undefined) return readUnion(schema, schema.anyOf, value, loc, issues);
  if (schema.enum !== undefined) return readChoice(schema.enum, value, loc, issues);
  if (schema.const !== undefined) return readChoice([schema.const], value, loc, issues);
  switch (schema.type) {
    case undefined:
      return readFree(value, loc, issues, 0);
    case 'object':
      return readObject(schema, value, loc, issues);
    case 'array':
      return readArray(schema, value, loc, issues);
    case 'string':
      return readString(schema, value, loc, issues);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      return report(issues, 'bool_type', loc, 'Input should be a valid boolean', value);
    default:
      return readInteger(schema, value, loc, issues);
  }
}

function report(
  issues: Issue[],
  type: string,
  loc: Loc,
  msg: string,
  input: unknown,
  ctx?: Record<string, unknown>,
): undefined {
  add(issues, ctx === undefined ? { type, loc, msg, input } : { type, loc, msg, input, ctx });
  return undefined;
}

function add(issues: Issue[], ...found: Issue[]) {
  issues.push(...found.slice(0, maxIssues - issues.length));
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

function readUnion(schema: Keywords, branches: Keywords[], value: unknown, loc: Loc, issues: Issue[]) {
  if (schema.discriminator !== undefined) {
    return readTagged(schema.discriminator.propertyName, branches, value, loc, issues);
  }
  const solid = branches.filter((branch) => branch.type !== 'null');
  if (solid.length < branches.length && value === null) return null;
  const [only] = solid;
  if (solid.length === 1 && only !== undefined) return read(only, value, loc, issues);
  const found: Issue[] = [];
  for (const branch of solid) {
    const tried: Issue[] = [];
    const name = branch['x-branch'];
    const result = read(branch, value, name === undefined ? loc : [...loc, name], tried);
    if (tried.length === 0) return result;
    found.push(...tried);
  }
  add(issues, ...found);
  return undefined;
}

function readTagged(tagName: string, branches: Keywords[], value: unknown, loc: Loc, issues: Issue[]) {
  if (!isPlainObject(value)) return notAnObject(value, loc, issues);
  const ctx = { discriminator: `'${tagName}'` };
  if (!Object.hasOwn(value, tagName)) {
    const msg = `Unable to extract tag using discriminator '${tagName}'`;
    return report(issues, 'union_tag_not_found', loc, msg, value, ctx);
  }
  const tag = value[tagName];
  const branch = branches.find((one) => one.properties?.[tagName]?.const === tag);
  if (branch !== undefined) return read(branch, value, [...loc, String(tag)], issues);
  const expected = branches.map((one) => `'${String(one.properties?.[tagName]?.const)}'`).join(', ');
  const shown = typeof tag === 'string' ? tag : JSON.stringify(tag);
  const msg = `Input tag '${shown}' found using '${tagName}' does not match any of the expected tags: ${expected}`;
  return report(issues, 'union_tag_invalid', loc, msg, value, {
    ...ctx,
    tag: shown,
    expected_tags: expected,
  });
}

function readChoice(choices: readonly unknown[], value: unknown, loc: Loc, issues: Issue[]) {
  if (choices.includes(value)) return value;
  const quoted = choices.map((choice) => `'${String(choice)}'`);
  const last = quoted.pop();
  const expected = quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
  return report(issues, 'enum', loc, `Input should be ${expected}`, value, { expected });
}

function notAnObject(value: unknown, loc: Loc, issues: Issue[]) {
  const msg = 'Input should be a valid dictionary or object to extract fields from';
  return report(issues, 'model_attributes_type', loc, msg, value);
}

function readObject(schema: Keywords, value: unknown, loc: Loc, issues: Issue[]) {
  if (!isPlainObject(value)) return notAnObject(value, loc, issues);
  const known = schema.properties ?? {};
  const result: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(known)) {
    if (Object.hasOwn(value, name)) {
      result[name] = read(property, value[name], [...loc, name], issues);
    } else if (schema.required?.includes(name)) {
      report(issues, 'missing', [...loc, name], 'Field required', value);
    } else if (property.default !== undefined) {
      result[name] = copied(property.default);
    }
  }
  if (schema.additionalProperties || schema.patternProperties) {
    for (const name of Object.keys(value)) {
      if (Object.hasOwn(known, name)) continue;
      if (!name.isWellFormed()) badUnicode(name, [...loc, name], issues);
      setOwn(result, name, readFree(value[name], [...loc, name], issues, 0));
    }
  }
  return result;
}

/** A default is every request's: what could be changed through one of them is copied. */
function copied(value: unknown): unknown {
  return typeof value === 'object' ? structuredClone(value) : value;
}

/** A plain assignment would call the setter of `__proto__`. */
function setOwn(target: Record<string, unknown>, name: string, value: unknown) {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[name] = value;
  }
}

function readArray(schema: Keywords, value: unknown, loc: Loc, issues: Issue[]) {
  const tuple = Array.isArray(schema.items) ? schema.items : undefined;
  if (!Array.isArray(value)) {
    const noun = tuple === undefined ? 'list' : 'tuple';
    return report(issues, `${noun}_type`, loc, `Input should be a valid ${noun}`, value);
  }
  const most = tuple?.length ?? schema.maxItems;
  if (most !== undefined && value.length > most) {
    const noun = tuple === undefined ? 'List' : 'Tuple';
    const msg = `${noun} should have at most ${most} items after validation, not ${value.length}`;
    const ctx = { field_type: noun, max_length: most, actual_length: value.length };
    return report(issues, 'too_long', loc, msg, value, ctx);
  }
  if (tuple === undefined) {
    const item = schema.items as Keywords;
    return value.map((one, index) => read(item, one, [...loc, index], issues));
  }
  return tuple.map((item, index) => {
    if (index < value.length) return read(item, value[index], [...loc, index], issues);
    return report(issues, 'missing', [...loc, index], 'Field required', value);
  });
}

function badUnicode(value: string, loc: Loc, issues: Issue[]) {
  const msg = 'Input should be a valid string, unable to parse raw data as a unicode string';
  return report(issues, 'string_unicode', loc, msg, value);
}

function readString(schema: Keywords, value: unknown, loc: Loc, issues: Issue[]) {
  if (typeof value !== 'string')
    return report(issues, 'string_type', loc, 'Input should be a valid string', value);
  if (!value.isWellFormed()) return badUnicode(value, loc, issues);
  const ctxMin = { min_length: schema.minLength };
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    const msg = `String should have at least ${schema.minLength} character`;
    return report(issues, 'string_too_short', loc, msg, value, ctxMin);
  }
  if (schema.maxLength !== undefined && codePoints(value) > schema.maxLength) {
    const msg = `String should have at most ${schema.maxLength} characters`;
    return report(issues, 'string_too_long', loc, msg, value, { max_length: schema.maxLength });
  }
  if (schema.format === 'date-time' && toUtc(value) === undefined) {
    const msg = 'Input should be a valid datetime, e.g. 2026-01-20T10:00:00Z';
    return report(issues, 'datetime_parsing', loc, msg, value);
  }
  if (schema.pattern === undefined || compiled(schema.pattern).test(value)) return value;
  const field = schema['x-ulid-field'];
  if (field !== undefined) {
    const msg = `Value error, Invalid ULID ${value} for field ${field}`;
    return report(issues, 'value_error', loc, msg, value, { error: {} });
  }
  if (schema['x-branch'] !== undefined) {
    const msg = 'Value error, Value must be a single letter or digit.';
    return report(issues, 'value_error', loc, msg, value, { error: {} });
  }
  const msg = `String should match pattern '${schema.pattern}'`;
  return report(issues, 'string_pattern_mismatch', loc, msg, value, { pattern: schema.pattern });
}

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(pattern, 'u');
  patterns.set(pattern, known);
  return known;
}

/** JSON Schema counts characters, not UTF-16 units. */
function codePoints(text: string): number {
  return Array.from(text).length;
}

function readInteger(schema: Keywords, given: unknown, loc: Loc, issues: Issue[]) {
  const lenient = Array.isArray(schema.type);
  const value = isRawNumber(given)
    ? Number(given.rawJSON)
    : lenient && typeof given === 'boolean'
      ? Number(given)
      : given;
  if (typeof value === 'string' && lenient) {
    const msg = 'Input should be a valid integer, unable to parse string as an integer';
    return report(issues, 'int_parsing', loc, msg, given);
  }
  if (typeof value !== 'number') {
    return report(issues, 'int_type', loc, 'Input should be a valid integer', given);
  }
  if (!Number.isInteger(value)) {
    const msg = 'Input should be a valid integer, got a number with a fractional part';
    return report(issues, 'int_from_float', loc, msg, given);
  }
  if (schema.minimum !== undefined && value < schema.minimum) {
    const msg = `Input should be greater than or equal to ${schema.minimum}`;
    return report(issues, 'greater_than_equal', loc, msg, given, { ge: schema.minimum });
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    const msg = `Input should be less than or equal to ${schema.maximum}`;
    return report(issues, 'less_than_equal', loc, msg, given, { le: schema.maximum });
  }
  return Number.isSafeInteger(value) ? value : readLargeInteger(value, given, loc, issues);
}

/** One beyond 2^53, which a JavaScript number does not hold to the last digit. */
function readLargeInteger(value: number, given: unknown, loc: Loc, issues: Issue[]) {
  const isWrittenOut = isRawNumber(given) && /^-?\d+$/.test(given.rawJSON);
  const digits = isWrittenOut ? given.rawJSON : BigInt(value).toString();
  readNumber(digits, loc, issues);
  return rawNumber(digits);
}

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;
/** Of an integer that may be within 64 bits, its sign included. Reading longer ones would take quadratic time. */
const maxInt64Length = 20;

/** Free-form JSON is kept as it is, but for what cannot be stored everywhere: such a value is refused, never changed. */
function readFree(value: unknown, loc: Loc, issues: Issue[], depth: number): unknown {
  if (depth > maxValueDepth) {
    const msg = `Input should not nest deeper than ${maxValueDepth} levels`;
    return report(issues, 'recursion_limit', loc.slice(0, 8), msg, null);
  }
  if (typeof value === 'string') return value.isWellFormed() ? value : badUnicode(value, loc, issues);
  if (typeof value !== 'object' || value === null) return value;
  if (isRawNumber(value)) return readNumber(value.rawJSON, loc, issues) ?? value;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) readFree(item, [...loc, index], issues, depth + 1);
    return value;
  }
  for (const [name, item] of Object.entries(value)) {
    if (!name.isWellFormed()) badUnicode(name, [...loc, name], issues);
    readFree(item, [...loc, name], issues, depth + 1);
  }
  return value;
}

function readNumber(source: string, loc: Loc, issues: Issue[]): undefined {
  if (/^-?\d+$/.test(source)) {
    const value = source.length > maxInt64Length ? undefined : BigInt(source);
    if (value !== undefined && value >= minInt64 && value <= maxInt64) return undefined;
    return report(issues, 'int_parsing_size', loc, 'Integers beyond 64 bits cannot be kept', source);
  }
  if (Number.isFinite(Number(source))) return undefined;
  return report(issues, 'finite_number', loc, 'Input should be a finite number', source);
}
