/**
 * The lifecycle of a run, as data. The server decides by it, the client and the dashboard show by it; nothing else knows a legal move.
 */

/**
 * - `in_progress`: the experiment is running
 * - `paused`: it is held and can be continued
 * - `completed`, `failed`, `cancelled`: final; nothing changes them or `ended_at` any more
 * - `unknown`: its application stopped renewing its lease; it may be taken up again or ended
 */
export const statuses = ['in_progress', 'paused', 'completed', 'failed', 'cancelled', 'unknown'] as const;
export type Status = (typeof statuses)[number];

export const finalStatuses = ['completed', 'failed', 'cancelled'] as const;
export type FinalStatus = (typeof finalStatuses)[number];

export const commands = ['pause', 'continue', 'end', 'fail', 'cancel'] as const;
export type Command = (typeof commands)[number];

/**
 * What a command does in a status:
 * - a status: the run moves there
 * - `same`: already so; answered with 200, nothing changes, nothing is kept
 * - `declined`: answered with 200 and the run as it stands; the refused wish is kept in the history
 * - `refused`: answered with 409; kept in the history
 */
export type Move = Status | 'same' | 'declined' | 'refused';

const live = {
  pause: 'paused',
  continue: 'in_progress',
  end: 'completed',
  fail: 'failed',
  cancel: 'cancelled',
} as const;
const final = {
  pause: 'refused',
  continue: 'refused',
  end: 'declined',
  fail: 'refused',
  cancel: 'refused',
} as const;

export const lifecycle: Readonly<Record<Status, Readonly<Record<Command, Move>>>> = {
  in_progress: { ...live, continue: 'same' },
  paused: { ...live, pause: 'same' },
  unknown: live,
  completed: final,
  failed: { ...final, fail: 'same' },
  cancelled: { ...final, cancel: 'same' },
};

export function isFinal(status: Status): status is FinalStatus {
  return (finalStatuses as readonly Status[]).includes(status);
}

/** The commands that would change a run in this status: what a user can be offered. */
export function allowedCommands(status: Status): Command[] {
  return commands.filter((command) => (statuses as readonly Move[]).includes(lifecycle[status][command]));
}

/** What a command does, by the status the run is in. `outcome` is the wish of an `end` (`?status=`), default completed. */
export function movesOf(command: Command, outcome: FinalStatus = 'completed'): Record<Status, Move> {
  const moves = statuses.map((status) => {
    const move = lifecycle[status][command];
    if (command !== 'end') return [status, move];
    return [status, isFinal(status) ? (status === outcome ? 'same' : 'declined') : outcome];
  });
  return Object.fromEntries(moves) as Record<Status, Move>;
}

/** What `?status=` of an end may say: a final status, Python's spelling of one (madsci.client 0.8.1 sends it), or nothing. */
export const outcomeSpellings = [
  '',
  ...finalStatuses,
  'ExperimentStatus.COMPLETED',
  'ExperimentStatus.FAILED',
  'ExperimentStatus.CANCELLED',
] as const;

/** The status that `?status=` of an end asks for; undefined where none is given. */
export function readOutcome(text: (typeof outcomeSpellings)[number] | undefined): FinalStatus | undefined {
  return finalStatuses.find((status) => status === text?.replace('ExperimentStatus.', '').toLowerCase());
}
