/** Times for people. */

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** `2026-01-20 10:00:00Z`; the local time of a manager that sends no zone stays without one. */
export function showTime(time: string | null): string {
  return time === null ? '' : time.replace('T', ' ').replace(/\.\d+/, '');
}

/** `3 minutes ago`; nothing where the time has no zone, as it is not known when that was. */
export function showAge(time: string | null, now = Date.now()): string {
  if (time === null || !/(Z|[+-]\d\d:?\d\d)$/.test(time)) return '';
  const seconds = Math.round((Date.parse(time) - now) / 1000);
  const [unit, size] = units.find((one) => Math.abs(seconds) >= one[1]) ?? (['second', 1] as const);
  // Made here: it takes longer than all else that a start of the server loads from this folder.
  const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'long' });
  return relative.format(Math.trunc(seconds / size), unit);
}

/** Both: `2026-01-20 10:00:00Z (3 minutes ago)`. */
export function showTimeAndAge(time: string | null): string {
  const age = showAge(time);
  return age === '' ? showTime(time) : `${showTime(time)} (${age})`;
}
