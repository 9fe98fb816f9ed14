/** Building blocks of the wire schemas. */
import Type, { type TOptional, type TProperties, type TSchema, type TUnion, type TNull } from 'typebox';

/** A ULID in upper case Crockford letters (no I, L, O, U), 128 bits: the first character is 0 to 7. */
export const ulidPattern = '^[0-7][0-9A-HJKMNP-TV-Z]{25}$';

export const Ulid = Type.String({ pattern: ulidPattern, description: 'A ULID, 26 characters' });

/** UTC with milliseconds, fixed width, so that text order is time order: `2026-01-20T10:00:00.000Z`. */
export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339 in UTC with milliseconds; the setting naive_times replies local time without a zone',
});

/** A value or null; null where it is left out. */
export function nullable<T extends TSchema>(schema: T, description?: string): TUnion<[T, TNull]> {
  return Type.Union([schema, Type.Null()], {
    default: null,
    ...(description === undefined ? {} : { description }),
  });
}

type Loosened<P extends TProperties, K extends keyof P> = {
  [N in keyof P]: N extends K ? TOptional<P[N]> : P[N];
};

/** The same properties in the same order, those named made optional: how a request differs from the stored object. */
export function optional<P extends TProperties, K extends keyof P & string>(
  properties: P,
  ...names: K[]
): Loosened<P, K> {
  const entries = Object.entries(properties).map(([name, schema]) => [
    name,
    names.includes(name as K) ? Type.Optional(schema) : schema,
  ]);
  return Object.fromEntries(entries) as Loosened<P, K>;
}

/** Any JSON value, as a request brings it. JSON Schema cannot tell 6e23, which is kept, from an integer of 24 digits, which is refused. */
export const FreeValueInput = Type.Unknown({
  description:
    'Any JSON value, nested 255 levels deep at most; a number without fraction and exponent fits into 64 bits',
});

/** A JSON object of any content, as a request brings it. */
export const FreeObjectInput = Type.Record(Type.String(), FreeValueInput);

/** A JSON object of any content. Numbers keep their spelling, see json.ts. */
export const FreeObject = Type.Record(Type.String(), Type.Unknown());
