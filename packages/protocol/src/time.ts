/** Times as clients write and read them. */

const written =
  /^(\d{4})-(\d{2})-(\d{2})[T ]([01]\d|2[0-3]):(\d{2}):(\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?$/i;

/** Milliseconds of the years 0 to 9999, which RFC 3339 can write. */
const earliest = Date.parse('0000-01-01T00:00:00Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * An RFC 3339 time, or one without a zone (local time, as Python writes it), as UTC with milliseconds: `2026-01-20T10:00:00.000Z`.
 * Undefined where the text is no time of the calendar.
 */
export function toUtc(text: string): string | undefined {
  const match = written.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0] = match.slice(1, 4).map(Number);
  const daysInMonth = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (day > daysInMonth) return undefined; // Date.parse would roll 31 February over into March.
  const milliseconds = Date.parse(text.toUpperCase().replace(' ', 'T'));
  const inRange = milliseconds >= earliest && milliseconds <= latest;
  return inRange ? new Date(milliseconds).toISOString() : undefined;
}

/** A stored time as Python's `datetime.now()` would show it here: local, without a zone, with microseconds. */
export function toNaiveLocal(at: string): string {
  const date = new Date(at);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().replace('Z', '000');
}
