import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  allowedCommands,
  commands,
  finalStatuses,
  isFinal,
  lifecycle,
  movesOf,
  outcomeSpellings,
  readOutcome,
  statuses,
  type Command,
  type FinalStatus,
  type Move,
  type Status,
} from './lifecycle.ts';

const status = fc.constantFrom(...statuses);
const command = fc.constantFrom(...commands);
const outcome = fc.constantFrom(...finalStatuses);
const wish = fc.record({ command, outcome: fc.option(outcome, { nil: undefined }) });

const isStatus = (move: Move): move is Status => (statuses as readonly Move[]).includes(move);

interface Wish {
  command: Command;
  outcome: FinalStatus | undefined;
}

/** A run's status after a command, as every reader of the table derives it. */
function after(from: Status, asked: Wish): Status {
  const move = movesOf(asked.command, asked.outcome)[from];
  return isStatus(move) ? move : from;
}

describe('lifecycle table', () => {
  test('has a move for every status and command, and no other', () => {
    assert.deepEqual(Object.keys(lifecycle).toSorted(), statuses.toSorted());
    for (const from of statuses) {
      assert.deepEqual(Object.keys(lifecycle[from]).toSorted(), commands.toSorted());
      for (const one of commands) {
        const move = lifecycle[from][one];
        assert.ok(
          isStatus(move) || ['same', 'declined', 'refused'].includes(move),
          `${from} ${one}: ${move}`,
        );
      }
    }
  });

  test('says what the documentation says', () => {
    const row = (from: Status) => commands.map((one) => lifecycle[from][one]);
    assert.deepEqual(row('in_progress'), ['paused', 'same', 'completed', 'failed', 'cancelled']);
    assert.deepEqual(row('paused'), ['same', 'in_progress', 'completed', 'failed', 'cancelled']);
    assert.deepEqual(row('unknown'), ['paused', 'in_progress', 'completed', 'failed', 'cancelled']);
    assert.deepEqual(row('completed'), ['refused', 'refused', 'declined', 'refused', 'refused']);
    assert.deepEqual(row('failed'), ['refused', 'refused', 'declined', 'same', 'refused']);
    assert.deepEqual(row('cancelled'), ['refused', 'refused', 'declined', 'refused', 'same']);
  });

  test('a final status stays whatever commands follow', () => {
    fc.assert(
      fc.property(outcome, fc.array(wish), (final, wishes) => {
        assert.equal(wishes.reduce(after, final), final);
      }),
    );
  });

  test('from any status, any commands lead to a known status, and never to unknown from elsewhere', () => {
    fc.assert(
      fc.property(status, fc.array(wish), (first, wishes) => {
        let now: Status = first;
        for (const one of wishes) {
          const next = after(now, one);
          assert.ok(statuses.includes(next));
          assert.ok(next !== 'unknown' || now === 'unknown');
          now = next;
        }
      }),
    );
  });

  test('a move goes to another status: what changes nothing is called same', () => {
    fc.assert(
      fc.property(status, wish, (from, { command: one, outcome: wanted }) => {
        assert.notEqual(movesOf(one, wanted)[from], from);
      }),
    );
  });

  test('a command given again changes nothing and is not refused', () => {
    fc.assert(
      fc.property(status, wish, (from, one) => {
        if (!isStatus(movesOf(one.command, one.outcome)[from])) return;
        const reached = after(from, one);
        assert.equal(movesOf(one.command, one.outcome)[reached], 'same');
      }),
    );
  });

  test('every status that is not final allows all commands but the one that is so already', () => {
    for (const from of statuses) {
      assert.equal(allowedCommands(from).length === 0, isFinal(from));
      const refused = commands.filter((one) => lifecycle[from][one] === 'refused');
      assert.equal(refused.length > 0, isFinal(from), from);
    }
  });

  test('allowedCommands are those that move', () => {
    fc.assert(
      fc.property(status, command, (from, one) => {
        assert.equal(allowedCommands(from).includes(one), isStatus(movesOf(one)[from]));
      }),
    );
  });

  test('movesOf agrees with the table', () => {
    for (const one of commands.filter((name) => name !== 'end')) {
      for (const from of statuses) assert.equal(movesOf(one)[from], lifecycle[from][one]);
      assert.deepEqual(movesOf(one, 'failed'), movesOf(one), 'an outcome means something to end alone');
    }
  });

  test('end moves a live run to its outcome and declines every other end of a final one', () => {
    for (const wanted of finalStatuses) {
      const moves = movesOf('end', wanted);
      for (const from of statuses) {
        const expected = isFinal(from) ? (from === wanted ? 'same' : 'declined') : wanted;
        assert.equal(moves[from], expected, `end?status=${wanted} from ${from}`);
      }
    }
    assert.deepEqual(movesOf('end'), movesOf('end', 'completed'));
  });
});

describe('readOutcome', () => {
  test('reads each spelling', () => {
    const read = outcomeSpellings.map((text) => [text, readOutcome(text)]);
    assert.deepEqual(Object.fromEntries(read), {
      '': undefined,
      completed: 'completed',
      failed: 'failed',
      cancelled: 'cancelled',
      'ExperimentStatus.COMPLETED': 'completed',
      'ExperimentStatus.FAILED': 'failed',
      'ExperimentStatus.CANCELLED': 'cancelled',
    });
    assert.equal(readOutcome(undefined), undefined);
  });
});
