/** The recorded requests and replies of the real MADSci server, and the comparison of ours with them. test/data/README.md explains them. */
import { readFileSync } from 'node:fs';
import { isRawNumber, parseJson, type JsonValue } from '@madsci-ts/protocol';
import type { RawReply, RawRequest } from './raw-http.ts';

export interface Entry {
  name: string;
  group: string;
  request: {
    method: string;
    path: string;
    headers?: Record<string, string | null>;
    body?: JsonValue;
    body_text?: string;
    body_b64?: string;
    body_gen?: { json: string; fill: string; count: number };
  };
  response: Expected;
  /** Remember a field of the reply under a name. */
  capture?: Record<string, string>;
  upstream_fault?: string;
  note?: string;
  server?: 'ratelimit';
}

export interface Expected {
  status: number;
  /** Null: not there. */
  headers?: Record<string, string | null>;
  /** Undefined: anything. */
  body?: JsonValue;
}

export function loadCorpus(): Entry[] {
  const text = readFileSync(new URL('../data/corpus.jsonl', import.meta.url), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => parseJson(line) as unknown as Entry);
}

/** What the entries before have shown: captured ids, and of each run its times. */
export interface Memory {
  captured: Map<string, string>;
  shown: Map<string, Record<string, JsonValue>>;
  managerId?: string;
  /** Whether times come without a zone. */
  naive: boolean;
}

export const createMemory = (naive: boolean): Memory => ({ captured: new Map(), shown: new Map(), naive });

/** The request with captured ids filled in. */
export function requestOf({ request }: Entry, memory: Memory): RawRequest {
  const path = request.path.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) => {
    const id = memory.captured.get(name);
    if (id === undefined) throw new Error(`nothing was captured as ${name}`);
    return id;
  });
  const body = bodyOf(request);
  return {
    method: request.method,
    path,
    headers: request.headers ?? {},
    ...(body === undefined ? {} : { body }),
  };
}

function bodyOf({ body, body_text: text, body_b64: base64, body_gen: generated }: Entry['request']) {
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (generated !== undefined) {
    return Buffer.from(generated.json.replace('@FILL@', generated.fill.repeat(generated.count)));
  }
  return body === undefined ? undefined : Buffer.from(JSON.stringify(body));
}

/** The reply's body: JSON where it says so. */
export function bodyOfReply({ headers, text }: RawReply): JsonValue {
  return headers['content-type']?.startsWith('application/json') && text !== '' ? parseJson(text) : text;
}

/** Remembers the ids that a reply tells, before it is compared. */
export function capture({ capture: fields = {} }: Entry, body: JsonValue, memory: Memory) {
  if (!isObject(body)) return;
  for (const [name, field] of Object.entries(fields)) {
    const id = body[field];
    memory.captured.set(name, typeof id === 'string' ? id : 'no-id-was-replied');
  }
  if (typeof body['manager_id'] === 'string') memory.managerId ??= body['manager_id'];
}

/** Remembers how a reply shows its run, once it is compared. */
export function show(body: JsonValue, memory: Memory) {
  if (isObject(body) && typeof body['_id'] === 'string') memory.shown.set(body['_id'], body);
}

const isObject = (value: JsonValue | undefined): value is Record<string, JsonValue> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const naiveTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;
const utcTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Where `actual` differs from what is expected; empty where it does not. Further fields of ours may follow MADSci's. */
export function differences(
  expected: JsonValue,
  actual: JsonValue | undefined,
  memory: Memory,
  at = 'body',
): string[] {
  if (typeof expected === 'string') {
    return matchesText(expected, actual, memory) ? [] : [differs(at, expected, actual)];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return [differs(at, expected, actual)];
    return expected.flatMap((one, index) => differences(one, actual[index], memory, `${at}[${index}]`));
  }
  if (isObject(expected)) {
    if (!isObject(actual)) return [differs(at, expected, actual)];
    return objectDifferences(expected, actual, memory, at);
  }
  return sameScalar(expected, actual) ? [] : [differs(at, expected, actual)];
}

const differs = (at: string, expected: unknown, actual: unknown) =>
  `${at} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`;

/** A 422's `msg` and what explains it may be worded otherwise. */
const wording = new Set(['msg', 'ctx']);

function objectDifferences(
  expected: Record<string, JsonValue>,
  actual: Record<string, JsonValue>,
  memory: Memory,
  at: string,
): string[] {
  const names = Object.keys(expected);
  const first = Object.keys(actual).slice(0, names.length);
  const order =
    names.join() === first.join() ? [] : [`${at} begins with ${first.join()}, expected ${names.join()}`];
  const isFault = 'msg' in expected && 'loc' in expected;
  const compared = names.filter((name) => !(isFault && wording.has(name)));
  return [
    ...order,
    ...compared.flatMap((name) => differences(expected[name] ?? null, actual[name], memory, `${at}.${name}`)),
  ];
}

function sameScalar(expected: JsonValue, actual: JsonValue | undefined): boolean {
  if (!isRawNumber(expected) && !isRawNumber(actual)) return expected === actual;
  const spelled = (value: unknown) => (isRawNumber(value) ? value.rawJSON : String(value));
  const isFloat = (text: string) => /[.eE]/.test(text);
  const [one, other] = [spelled(expected), spelled(actual)];
  return isFloat(one) ? isFloat(other) && Number(one) === Number(other) : one === other;
}

function matchesText(expected: string, actual: JsonValue | undefined, memory: Memory): boolean {
  const repeat = /^<repeat:(.+):(\d+)>$/.exec(expected);
  if (repeat !== null) return actual === repeat[1]?.repeat(Number(repeat[2]));
  if (expected === '<summarised, see note>') return true;
  if (expected === '<int>') return Number.isInteger(actual);
  if (!expected.startsWith('<') || !expected.endsWith('>')) return actual === expected;
  if (typeof actual !== 'string') return false;
  if (expected === '<sentence>') return actual.length > 10;
  if (expected === '<ulid>') return ulid.test(actual);
  if (expected === '<manager_id>') return actual === memory.managerId;
  if (expected === '<datetime-naive>') return (memory.naive ? naiveTime : utcTime).test(actual);
  return actual === remembered(expected.slice(1, -1), memory) || actual === expected;
}

/** Of `<exp1>` or `<exp1.ended_at>`. */
function remembered(name: string, { captured, shown }: Memory): JsonValue | undefined {
  const [run = '', field] = name.split('.');
  const id = captured.get(run);
  return field === undefined || id === undefined ? id : shown.get(id)?.[field];
}

/** Where the headers differ. Content types are compared without parameters. */
export function headerDifferences(expected: Record<string, string | null>, actual: RawReply['headers']) {
  return Object.entries(expected)
    .filter(([name, value]) => !matchesHeader(name, value, actual[name]))
    .map(([name, value]) => `header ${differs(name, value, actual[name])}`);
}

function matchesHeader(name: string, expected: string | null, actual: string | undefined): boolean {
  if (expected === null || actual === undefined) return expected === null && actual === undefined;
  if (name === 'content-type') return actual.split(';')[0] === expected.split(';')[0];
  if (expected === '<epoch-seconds>') return /^\d{10}$/.test(actual);
  return actual === expected;
}
