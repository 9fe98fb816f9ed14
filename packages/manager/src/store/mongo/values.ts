/**
 * JSON values as BSON and back. Numbers get the BSON type that gives their spelling back: 1 an integer, 1.0 a double. What BSON or FerretDB
 * cannot give back letter for letter (`$` or dots in keys, nested arrays, a spelling such as 1e5, a lone surrogate) becomes a likeness for
 * human readers and other programs; its JSON text is kept beside it.
 */
import { BSON, Double, Int32, Long, ObjectId } from 'mongodb';
import { isRawNumber, rawNumber } from '@madsci-ts/protocol';
import { maxFieldBytes } from './limits.ts';

/** A value as the driver takes it; `exact` is false for a likeness. */
export interface Encoded {
  value: unknown;
  exact: boolean;
}

/** MongoDB takes 100 levels, a run's own included. */
const maxDepth = 80;

const maxInt32 = 2 ** 31 - 1;

const unsafeKey = /^$|[$.\0]|^__proto__$/;

export function encode(value: unknown): Encoded {
  const notes = { exact: true };
  const encoded = encodeValue(value, notes, 0);
  if (typeof value !== 'object' || value === null) return { value: encoded, exact: notes.exact };
  if (BSON.calculateObjectSize({ encoded }) <= maxFieldBytes) return { value: encoded, exact: notes.exact };
  return { value: Array.isArray(value) ? [] : {}, exact: false };
}

type Notes = Pick<Encoded, 'exact'>;

function encodeValue(value: unknown, notes: Notes, depth: number): unknown {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? null;
  if (typeof value === 'string') return encodeText(value, notes);
  if (typeof value === 'number') return encodeNumber(String(value), notes);
  if (isRawNumber(value)) return encodeNumber(value.rawJSON, notes);
  if (depth >= maxDepth) return likeness(JSON.stringify(value), notes);
  if (Array.isArray(value)) return value.map((item: unknown) => encodeItem(item, notes, depth + 1));
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return new Map(fields.map(([key, field]) => [encodeKey(key, notes), encodeValue(field, notes, depth + 1)]));
}

function likeness<T>(like: T, notes: Notes): T {
  notes.exact = false;
  return like;
}

function encodeItem(item: unknown, notes: Notes, depth: number): unknown {
  return Array.isArray(item)
    ? likeness(plainText(JSON.stringify(item)), notes)
    : encodeValue(item, notes, depth);
}

const plainText = (text: string) => text.toWellFormed().replaceAll('\0', '');

function encodeText(text: string, notes: Notes): string {
  return text.isWellFormed() && !text.includes('\0') ? text : likeness(plainText(text), notes);
}

function encodeKey(key: string, notes: Notes): string {
  const text = encodeText(key, notes);
  if (!unsafeKey.test(key)) return text;
  return likeness(text.replaceAll('$', '＄').replaceAll('.', '．').replace(/^$/, '(empty)'), notes).replace(
    /^__proto__$/,
    '(__proto__)',
  );
}

function encodeNumber(spelling: string, notes: Notes): BSON.BSONValue {
  const number = Number(spelling);
  const isWhole = /^-?\d+$/.test(spelling);
  if (Object.is(number, -0)) return likeness(new Double(0), notes); // FerretDB loses the sign.
  const value = isWhole ? wholeNumber(spelling, number) : new Double(number);
  return spellingOf(value) === spelling ? value : likeness(value, notes);
}

function wholeNumber(spelling: string, number: number): Int32 | Long | Double {
  if (Math.abs(number) <= maxInt32) return new Int32(number);
  const integer = BigInt(spelling);
  return BigInt.asIntN(64, integer) === integer ? Long.fromBigInt(integer) : new Double(number);
}

/** A stored number as JSON spells it; undefined for NaN and the infinities, which JSON does not have. */
function spellingOf(value: BSON.BSONValue): string | undefined {
  if (value instanceof Int32) return String(value.value);
  if (value instanceof Long) return value.toString();
  if (!(value instanceof Double) || !Number.isFinite(value.value)) return undefined;
  const text = String(value.value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** What was read, for JSON.stringify. What JSON has no form for becomes text, and `onForeign` hears of its kind. */
export function decode(value: unknown, onForeign: (kind: string) => void): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (Array.isArray(value)) return value.map((item) => decode(item, onForeign));
  if (value instanceof Int32) return value.value;
  if (value instanceof Long || value instanceof Double) return decodeNumber(value, onForeign);
  if (value instanceof Date) return foreign('a date', dateText(value), onForeign);
  if (value instanceof ObjectId) return foreign('an ObjectId', value.toHexString(), onForeign);
  if (value instanceof BSON.BSONValue || typeof value !== 'object') {
    return foreign(
      'a value that JSON does not have',
      plainText(JSON.stringify(value) ?? typeof value),
      onForeign,
    );
  }
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, decode(field, onForeign)]));
}

function foreign<T>(kind: string, like: T, onForeign: (kind: string) => void): T {
  onForeign(kind);
  return like;
}

const dateText = (date: Date) => (Number.isNaN(date.getTime()) ? null : date.toISOString());

function decodeNumber(value: Long | Double, onForeign: (kind: string) => void): unknown {
  const spelling = spellingOf(value);
  if (spelling === undefined) return foreign('a number that JSON does not have', String(value), onForeign);
  return String(Number(spelling)) === spelling ? Number(spelling) : rawNumber(spelling);
}
