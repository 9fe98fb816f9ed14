/** MADSci's times are those of the server's clock, without a zone; ours are UTC. */
import { toUtc } from '@madsci-ts/protocol';
import { Temporal } from 'temporal-polyfill';
import { MigrationError } from './errors.ts';

const naive = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?\d*$/;

export type ReadTime =
  | { kind: 'none' }
  /** Already with a zone, or a time that the database itself knows. */
  | { kind: 'instant'; utc: string }
  /** Of the clock: the instants that it may be. Two where clocks were put back and showed it twice, the earlier first. */
  | { kind: 'clock'; utc: [string] | [string, string] }
  | { kind: 'unreadable' };

const utcText = (instant: Temporal.Instant) => new Date(instant.epochMilliseconds).toISOString();

/** @throws MigrationError where nobody knows the zone */
export function checkZone(zone: string): string {
  try {
    return Temporal.Now.zonedDateTimeISO(zone).timeZoneId;
  } catch {
    throw new MigrationError(
      `There is no time zone ${JSON.stringify(zone)}; name one as the IANA database does, for example America/Chicago or UTC.`,
    );
  }
}

export const isNaive = (value: unknown) => typeof value === 'string' && naive.test(value);

/** What a stored time means in the zone of the clock that wrote it. */
export function readTime(value: unknown, zone: string): ReadTime {
  if (value === null || value === undefined) return { kind: 'none' };
  if (value instanceof Date) return { kind: 'instant', utc: value.toISOString() };
  if (typeof value !== 'string') return { kind: 'unreadable' };
  if (!naive.test(value)) {
    const utc = toUtc(value);
    return utc === undefined ? { kind: 'unreadable' } : { kind: 'instant', utc };
  }
  return readClock(value, zone);
}

function readClock(text: string, zone: string): ReadTime {
  try {
    const clock = Temporal.PlainDateTime.from(text.replace(' ', 'T'), { overflow: 'reject' });
    const [earlier, later] = (['earlier', 'later'] as const).map((disambiguation) =>
      utcText(clock.toZonedDateTime(zone, { disambiguation }).toInstant()),
    ) as [string, string];
    return { kind: 'clock', utc: earlier === later ? [earlier] : [earlier, later] };
  } catch {
    return { kind: 'unreadable' };
  }
}

/** An instant as Python writes the clock of the zone: `2026-01-20T10:00:00.123000`. */
export function toClock(utc: string, zone: string): string {
  const clock = Temporal.Instant.from(utc).toZonedDateTimeISO(zone).toPlainDateTime();
  return clock.toString({ fractionalSecondDigits: 6 });
}

/** This machine's zone. */
export const systemZone = () => Temporal.Now.timeZoneId();
