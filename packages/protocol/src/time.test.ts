import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toUtc } from './time.ts';

const two = (value: number) => String(value).padStart(2, '0');
const years = {
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
};
const offsetMinutes = fc.integer({ min: -23 * 60, max: 23 * 60 });

/** The instant as a clock shows it that is so many minutes ahead of UTC. */
function written(date: Date, offset: number, separator: string, colon: string): string {
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1).replace('T', separator);
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
}

describe('toUtc', () => {
  test('is the same instant, however it was written', () => {
    const form = fc.tuple(fc.date(years), offsetMinutes, fc.constantFrom('T', ' '), fc.constantFrom(':', ''));
    fc.assert(
      fc.property(form, ([date, offset, separator, colon]) => {
        assert.equal(toUtc(written(date, offset, separator, colon)), date.toISOString());
      }),
    );
  });

  test('takes a time without a zone as local time', () => {
    const local = new Date(2026, 0, 20, 10, 30, 5, 123).toISOString();
    assert.equal(toUtc('2026-01-20T10:30:05.123'), local);
    assert.equal(toUtc('2026-01-20 10:30:05.123456'), local);
  });

  test('days that the calendar lacks are no times', () => {
    const day = fc.tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 0, max: 32 }),
    );
    fc.assert(
      fc.property(day, ([year, month, dayOfMonth]) => {
        const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(dayOfMonth)}T12:00:00Z`;
        const date = new Date('2000-01-01T12:00:00.000Z');
        date.setUTCFullYear(year, month - 1, dayOfMonth);
        const isOfCalendar = date.getUTCMonth() === month - 1 && date.getUTCDate() === dayOfMonth;
        assert.equal(toUtc(text), isOfCalendar ? date.toISOString() : undefined);
      }),
    );
  });

  for (const text of [
    '',
    'now',
    '2026-01-20',
    '2026-01-20T10:00',
    '2026-01-20T25:00:00Z',
    '2026-01-20T24:00:00Z',
    '2026-01-20T10:60:00Z',
    '2026-01-20T10:00:60Z',
    '2026-01-20T10:00:00+25:00',
    '2026-01-20T10:00:00+10:60',
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00:00+01:00',
    '1768903200',
  ]) {
    test(`${JSON.stringify(text)} is no time`, () => assert.equal(toUtc(text), undefined));
  }
});
