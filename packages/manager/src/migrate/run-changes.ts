/** How a run's document becomes ours, and MADSci's again. Pure: the same document gives the same change, so that a change may be repeated. */
import { statuses, type HistoryEntry, type Status } from '@madsci-ts/protocol';
import { decodeTime, isValid } from 'ulid';
import { readTime, toClock, type ReadTime } from './zoned-times.ts';

/** Marks the documents whose times are MADSci's. Ours have no such mark. */
const madsciFormat = 1;

/** The manager's own part of a run's document, as far as a migration knows it. */
interface StorePart {
  entries?: number;
  /** Newest entries that are not in the history collection yet, as JSON text. */
  pending?: string[];
  /** Present and 1 where the times are MADSci's. */
  format?: number;
  /** The status when the document was given back to MADSci. */
  left_as?: string;
  /** MADSci's own spelling of the times, for the way back, and what they mean in UTC. */
  clock?: Partial<Record<TimeField, { text: string; utc: string }>>;
}

type TimeField = 'started_at' | 'ended_at';
const timeFields: readonly TimeField[] = ['started_at', 'ended_at'];

/** The fields that a change depends on. */
export interface StoredRun {
  _id: unknown;
  status?: unknown;
  started_at?: unknown;
  ended_at?: unknown;
  version?: unknown;
  updated_at?: unknown;
  _store?: StorePart;
  [field: string]: unknown;
}

/** What is written to a document. */
export interface RunChange {
  set: Record<string, unknown>;
  unset: string[];
  /** For the history collection. */
  history: HistoryEntry[];
  /** For the report. */
  ambiguous: TimeField[];
  unreadable: string[];
}

/** What a run has that MADSci does not know, and what MADSci's own tools may have left out. */
const defaults: Record<string, unknown> = {
  ownership_info: {},
  run_name: null,
  run_description: null,
  started_at: null,
  ended_at: null,
  requested_status: null,
  experiment_design_id: null,
  parameters: {},
  outcome: {},
  tags: [],
  notes: null,
  status_reason: null,
  actor: null,
  parent_experiment_id: null,
  lease: null,
};

export const neededFields = [
  'status',
  'version',
  'updated_at',
  '_store',
  'experiment_id',
  ...Object.keys(defaults),
];

const reached: Record<Status, HistoryEntry['command'] | undefined> = {
  in_progress: undefined,
  unknown: undefined,
  paused: 'pause',
  completed: 'end',
  failed: 'fail',
  cancelled: 'cancel',
};

export const isMadsci = ({ _store: part }: StoredRun) => part === undefined || part.format === madsciFormat;

/** When the id was made; undefined where it is no ULID. */
export function idTime(id: unknown): number | undefined {
  return typeof id === 'string' && isValid(id) ? decodeTime(id) : undefined;
}

/** Which of two instants that the clock showed alike: the one nearest to the making of the id. */
function pickStart(time: ReadTime, id: unknown): string | undefined {
  if (time.kind === 'none' || time.kind === 'unreadable') return undefined;
  if (time.kind === 'instant') return time.utc;
  const [first, second] = time.utc;
  const made = idTime(id);
  if (second === undefined || made === undefined) return first;
  return Math.abs(Date.parse(second) - made) < Math.abs(Date.parse(first) - made) ? second : first;
}

/** The earlier one, unless the run would have ended before it started. */
function pickEnd(time: ReadTime, started: string | undefined): string | undefined {
  if (time.kind === 'none' || time.kind === 'unreadable') return undefined;
  if (time.kind === 'instant') return time.utc;
  const [first, second] = time.utc;
  return second !== undefined && started !== undefined && first < started ? second : first;
}

/** The run as this manager keeps it. `begun` stands in where a run tells no time at all. */
export function toOurs(run: StoredRun, zone: string, begun: string): RunChange {
  const times = { started_at: readTime(run.started_at, zone), ended_at: readTime(run.ended_at, zone) };
  const started = pickStart(times.started_at, run._id);
  const ended = pickEnd(times.ended_at, started);
  const utc = { started_at: started, ended_at: ended };
  const made = idTime(run._id);
  const from = started ?? (made === undefined ? begun : new Date(made).toISOString());
  const entries = entriesOf(run, from, ended ?? from);
  const missing = Object.entries(defaults).filter(([field]) => !(field in run));
  const kept = timeFields.flatMap((field) => {
    const at = utc[field];
    return at === undefined || typeof run[field] !== 'string' ? [] : [[field, { text: run[field], utc: at }]];
  });
  const before = run._store?.entries ?? 0;
  const waiting = run._store?.pending ?? [];
  const versionBefore = typeof run.version === 'number' ? run.version : 0;
  return {
    set: {
      ...Object.fromEntries(missing),
      ...Object.fromEntries(
        timeFields.filter((field) => utc[field] !== undefined).map((field) => [field, utc[field]]),
      ),
      experiment_id: run['experiment_id'] ?? String(run._id),
      version: versionBefore + entries.length,
      updated_at: entries.length > 0 ? (ended ?? from) : (run.updated_at ?? from),
      '_store.entries': before + entries.length,
      '_store.clock': Object.fromEntries(kept),
      // Behind entries that wait in the document, so that their order is that of their numbers.
      ...(waiting.length > 0 && { '_store.pending': [...waiting, ...entries.map(asPending)] }),
    },
    unset: ['_store.format', '_store.left_as'],
    history: waiting.length > 0 ? [] : entries,
    ambiguous: timeFields.filter((field) => isAmbiguous(times[field])),
    unreadable: [
      ...timeFields.filter((field) => times[field].kind === 'unreadable'),
      ...(isStatus(run.status) ? [] : ['status']),
    ],
  };
}

/** As the store keeps an entry in a run's document. */
function asPending({ sequence, at, actor, command, to, accepted, reason, request_id }: HistoryEntry): string {
  const mark = `migrated-${sequence}`;
  return JSON.stringify({ command, accepted, to, at, actor, reason, request_id, mark });
}

const isAmbiguous = (time: ReadTime) => time.kind === 'clock' && time.utc.length === 2;

const isStatus = (status: unknown): status is Status => (statuses as readonly unknown[]).includes(status);

/** A first entry, and one that says how the run came to its status; for a run that MADSci had back, what it changed meanwhile. */
function entriesOf(run: StoredRun, started: string, ended: string): HistoryEntry[] {
  const status = isStatus(run.status) ? run.status : 'unknown';
  const command = reached[status];
  const part = run._store;
  const first = status === 'unknown' ? 'unknown' : 'in_progress';
  const at = { actor: null, accepted: true, request_id: null, reason: 'Taken over from MADSci' };
  if (part?.entries !== undefined) {
    if (part.left_as === status || part.left_as === undefined) return [];
    const from = isStatus(part.left_as) ? part.left_as : 'unknown';
    return [
      { ...at, sequence: part.entries + 1, at: ended, command: command ?? 'continue', from, to: status },
    ];
  }
  const start: HistoryEntry = { ...at, sequence: 1, at: started, command: 'start', from: null, to: first };
  if (command === undefined) return [start];
  const reason = run.ended_at == null ? `${at.reason}, which did not keep when` : at.reason;
  return [start, { ...at, reason, sequence: 2, at: ended, command, from: first, to: status }];
}

/** The run as MADSci keeps it; what MADSci does not know stays where it is. */
export function toMadsci(run: StoredRun, zone: string): RunChange {
  const set: Record<string, unknown> = {
    '_store.format': madsciFormat,
    '_store.left_as': run.status ?? null,
  };
  const unreadable: string[] = [];
  for (const field of timeFields) {
    const time = readTime(run[field], zone);
    if (time.kind === 'unreadable') unreadable.push(field);
    if (time.kind !== 'instant') continue;
    const kept = run._store?.clock?.[field];
    set[field] = kept?.utc === time.utc ? kept.text : toClock(time.utc, zone);
  }
  return { set, unset: [], history: [], ambiguous: [], unreadable };
}
