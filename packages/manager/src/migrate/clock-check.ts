/** Whether runs began when their ids were made: an id tells its time in UTC, so a wrong zone shows. */
import type { Collection } from 'mongodb';
import { MigrationError } from './errors.ts';
import { idTime, type StoredRun } from './run-changes.ts';
import { isNaive, readTime } from './zoned-times.ts';

/** Runs looked at. */
const sampleRuns = 200;

/** Zones differ by 15 minutes at least; an id is made right before its run starts. */
const toleranceMs = 7 * 60_000;

/** @throws MigrationError where most runs contradict the zone */
export async function checkClock(runs: Collection, zone: string): Promise<void> {
  const sample = await runs
    .find({}, { projection: { started_at: 1 } })
    .limit(sampleRuns)
    .toArray();
  const offsets = sample.flatMap(({ _id, started_at }: StoredRun) => {
    const made = idTime(_id);
    const time = readTime(started_at, zone);
    if (made === undefined || time.kind !== 'clock' || !isNaive(started_at)) return [];
    return [Math.min(...time.utc.map((utc) => Math.abs(Date.parse(utc) - made)))];
  });
  const wrong = offsets.filter((offset) => offset > toleranceMs);
  if (wrong.length * 2 <= offsets.length || wrong.length === 0) return;
  const hours = (median(wrong) / 3_600_000).toFixed(1);
  throw new MigrationError(
    `The time zone ${zone} is probably wrong: with it, ${wrong.length} of ${offsets.length} runs started about ${hours} hours away from when their ids were made. Name the zone of MADSci's server, or insist with --trust-time-zone.`,
  );
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
