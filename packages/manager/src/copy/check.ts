/** Whether two stores hold the same. */
import { recordKinds, type Archive, type RecordKind, type RunRecord } from '../store/archive.ts';
import { digestOf, type Digest } from './digest.ts';

export interface Checked {
  records: Record<RecordKind, Digest>;
  /** How many runs stand where, counted from the runs themselves. */
  runsByStatus: Record<string, number>;
}

/** Reads both to the end. `differences` names the kinds that differ, and `counts` where the target's own counters are wrong. */
export async function compare(
  source: Archive,
  target: Archive,
  onRecords: (records: number) => void,
): Promise<{ checked: Checked; differences: string[] }> {
  const runsByStatus: Record<string, number> = {};
  const differences: string[] = [];
  const records = {} as Record<RecordKind, Digest>;
  for (const kind of recordKinds) {
    const expected = await digestOf(source, kind, (page) => onRecords(page.length));
    const found = await digestOf(target, kind, (page) => {
      if (kind === 'run') tally(page as RunRecord[], runsByStatus);
      onRecords(page.length);
    });
    if (expected.records !== found.records || expected.sha256 !== found.sha256) differences.push(kind);
    records[kind] = found;
  }
  if (!(await countsAgree(target, runsByStatus, records.event.records))) differences.push('counts');
  return { checked: { records, runsByStatus }, differences };
}

function tally(runs: RunRecord[], byStatus: Record<string, number>) {
  for (const { text } of runs) {
    const { status } = JSON.parse(text) as { status: string };
    byStatus[status] = (byStatus[status] ?? 0) + 1;
  }
}

async function countsAgree(
  target: Archive,
  runsByStatus: Record<string, number>,
  events: number,
): Promise<boolean> {
  const { byStatus, eventsWaiting } = await target.counts();
  if (eventsWaiting !== events) return false;
  const statuses = Object.entries(byStatus);
  return statuses.every(([status, runs]) => runs === (runsByStatus[status] ?? 0));
}
