/** Judges a history by the lifecycle table alone: whether it is one legal order of commands that leads to the run as it stands. */
import assert from 'node:assert/strict';
import {
  finalStatuses,
  isFinal,
  movesOf,
  statuses,
  type Experiment,
  type FinalStatus,
  type HistoryEntry,
  type Status,
} from '@madsci-ts/protocol';

interface Standing {
  status: Status;
  version: number;
  ended_at: string | null;
}

const isStatus = (move: string): move is Status => (statuses as readonly string[]).includes(move);

/** The status that the table gives for an entry's command; undefined where it grants nothing. */
function granted({ command, to }: HistoryEntry, from: Status): Status | undefined {
  if (command === 'start') return undefined;
  if (command === 'edit') return from;
  const outcome = command === 'end' ? finalStatuses.find((final) => final === to) : undefined;
  const move = movesOf(command, outcome)[from];
  return isStatus(move) ? move : undefined;
}

function step(before: Standing, entry: HistoryEntry, mayConflict: boolean): Standing {
  const told = JSON.stringify(entry);
  assert.equal(entry.from, before.status, `the entry follows on the one before it: ${told}`);
  const status = granted(entry, before.status);
  if (!entry.accepted) {
    assert.ok(mayConflict || status === undefined, `a legal command was refused: ${told}`);
    return before;
  }
  assert.equal(entry.to, status, `an illegal command was accepted: ${told}`);
  const ends = entry.command !== 'edit' && isFinal(status as FinalStatus);
  return {
    status: status as Status,
    version: before.version + 1,
    ended_at: ends ? entry.at : before.ended_at,
  };
}

/**
 * Fails unless the history, whole and in order, is legal and ends in the run. `mayConflict`: commands may have been refused by their
 * expected version.
 */
export function assertLegalOrder(
  history: readonly HistoryEntry[],
  run: Experiment,
  { mayConflict = false } = {},
): void {
  const [first, ...rest] = history;
  assert.ok(first !== undefined && first.command === 'start' && first.accepted && first.from === null);
  assert.deepEqual(
    history.map(({ sequence }) => sequence),
    history.map((_, index) => index + 1),
  );
  const start: Standing = { status: first.to, version: 1, ended_at: null };
  const end = rest.reduce((before, entry) => step(before, entry, mayConflict), start);
  const { status, version, ended_at } = run;
  assert.deepEqual({ status, version, ended_at }, end, 'the run stands where its history leads');
  const last = history.findLast(({ accepted }) => accepted);
  assert.equal(run.updated_at, last?.at);
  assert.ok(
    history.filter(({ accepted, to }) => accepted && isFinal(to)).every((entry) => isEnd(entry, end)),
  );
}

/** Nothing but edits is accepted once a run is final. */
const isEnd = (entry: HistoryEntry, { ended_at }: Standing): boolean =>
  entry.command === 'edit' || entry.at === ended_at;
