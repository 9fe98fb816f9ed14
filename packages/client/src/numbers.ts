/** Numbers on their way out and in: JavaScript's JSON would round integers beyond 2^53 and write NaN as null; neither happens here. */
import { isRawNumber, parseJson, rawNumber, type RawNumber } from '@madsci-ts/protocol';

/**
 * Writes a body. A bigint becomes an integer, a `rawNumber('1.0')` stays as spelled.
 *
 * @throws TypeError for NaN and infinities, which JSON cannot hold
 */
export function writeJson(body: unknown): string {
  return JSON.stringify(body, (name: string, value: unknown) => {
    if (typeof value === 'bigint') return rawNumber(String(value));
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`${name}: ${value} cannot be sent as JSON; leave it out or send null`);
    }
    return value;
  });
}

/** Parses a reply, keeping every number that JavaScript would change as a `RawNumber`. */
export const readJson = parseJson;

/** Turns each `RawNumber` of a reply into a bigint (integers beyond 2^53) or a number (`1.0` becomes 1). */
export function toNativeNumbers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isRawNumber(value)) return toNativeNumber(value);
  if (Array.isArray(value)) return value.map(toNativeNumbers);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toNativeNumbers(item)]));
}

function toNativeNumber({ rawJSON }: RawNumber): number | bigint {
  const value = Number(rawJSON);
  return /^-?\d+$/.test(rawJSON) && !Number.isSafeInteger(value) ? BigInt(rawJSON) : value;
}
