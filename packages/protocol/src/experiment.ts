import Type, { type Static } from 'typebox';
import { ExperimentDesign, ExperimentDesignInput } from './design.ts';
import { statuses, type Status } from './lifecycle.ts';
import { OwnershipInfo } from './ownership.ts';
import { FreeValueInput, Timestamp, Ulid, nullable } from './schema.ts';

const runName = nullable(Type.String({ maxLength: 10_000 }), 'Name of this run');
const runDescription = nullable(Type.String({ maxLength: 100_000 }), 'What is special about this run');
const tags = Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
  maxItems: 100,
  default: [],
  description: 'Free labels',
});
const notes = nullable(Type.String({ maxLength: 100_000 }), 'Free text of the laboratory');

export const StatusSchema = Type.Enum([...statuses], { description: 'Where the run stands' });

/** Held by the application that renews it; `expires_at` in UTC. */
export const Lease = Type.Object(
  { holder: nullable(Type.String()), renewed_at: Timestamp, expires_at: Timestamp },
  { title: 'Lease' },
);

/**
 * A run of an experiment as it is stored and replied. `_id` and `experiment_id` are the same ULID. MADSci's fields come first, in its order.
 */
export const Experiment = Type.Object(
  {
    _id: Ulid,
    status: StatusSchema,
    experiment_design: nullable(ExperimentDesign, 'The design as it was when the run started'),
    ownership_info: OwnershipInfo,
    run_name: runName,
    run_description: runDescription,
    started_at: nullable(Timestamp),
    ended_at: nullable(Timestamp, 'Set once, when the run is completed, failed or cancelled'),
    experiment_id: Ulid,
    requested_status: nullable(
      Type.Enum(['in_progress', 'paused', 'cancelled'] satisfies Status[]),
      'What was asked for and has not yet reached the running workflows',
    ),
    experiment_design_id: nullable(Type.String(), 'The stored design that the run came from'),
    parameters: Type.Record(Type.String(), Type.Unknown(), { description: "The run's values by name" }),
    outcome: Type.Record(Type.String(), Type.Unknown(), { description: 'Latest scalar result by name' }),
    tags,
    notes,
    updated_at: Timestamp,
    status_reason: nullable(Type.String(), 'Why the last transition'),
    actor: nullable(Type.String(), 'Who asked for the last transition'),
    parent_experiment_id: nullable(Ulid, 'The run that this one repeats or resumes'),
    lease: nullable(Lease),
    version: Type.Integer({ minimum: 1, description: 'Number of accepted changes, the start included' }),
    unreadable: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'What of the stored document could not be read, one sentence a fault; such a run is served as far as it goes',
      }),
    ),
  },
  { title: 'Experiment' },
);
export type Experiment = Static<typeof Experiment>;

/** Body of POST /experiment. */
export const ExperimentStart = Type.Object(
  {
    experiment_design: ExperimentDesignInput,
    run_name: Type.Optional(runName),
    run_description: Type.Optional(runDescription),
    parameters: Type.Optional(Type.Record(Type.String(), FreeValueInput, { default: {} })),
    tags: Type.Optional(tags),
    notes: Type.Optional(notes),
    parent_experiment_id: Type.Optional(nullable(Ulid)),
  },
  { title: 'ExperimentStart' },
);
export type ExperimentStart = Static<typeof ExperimentStart>;

const expectedVersion = Type.Optional(
  nullable(
    Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    'Refuse with 409 unless the run has this version',
  ),
);
const reason = Type.Optional(nullable(Type.String({ maxLength: 10_000 }), 'Why; kept in the history'));

/** Optional body of a lifecycle command. */
export const CommandBody = Type.Object(
  { reason, expected_version: expectedVersion },
  { title: 'CommandBody' },
);
export type CommandBody = Static<typeof CommandBody>;

/** Body of PATCH /experiment/{id}: only the fields given are changed. */
export const ExperimentEdit = Type.Object(
  {
    run_name: Type.Optional(Type.Union([Type.String({ maxLength: 10_000 }), Type.Null()])),
    run_description: Type.Optional(Type.Union([Type.String({ maxLength: 100_000 }), Type.Null()])),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 })),
    notes: Type.Optional(Type.Union([Type.String({ maxLength: 100_000 }), Type.Null()])),
    reason,
    expected_version: expectedVersion,
  },
  { title: 'ExperimentEdit' },
);
export type ExperimentEdit = Static<typeof ExperimentEdit>;

/** One asked-for change of a run, accepted or not. `sequence` counts from 1 within the run. */
export const HistoryEntry = Type.Object(
  {
    sequence: Type.Integer({ minimum: 1 }),
    at: Timestamp,
    actor: nullable(Type.String()),
    command: Type.Enum(['start', 'pause', 'continue', 'end', 'fail', 'cancel', 'edit']),
    from: nullable(StatusSchema),
    to: Type.Enum([...statuses], { description: 'The status asked for; reached where accepted is true' }),
    accepted: Type.Boolean(),
    reason: nullable(Type.String()),
    request_id: nullable(Type.String()),
  },
  { title: 'HistoryEntry' },
);
export type HistoryEntry = Static<typeof HistoryEntry>;

/** A 409: what the run's state is and what it allows. */
export const Conflict = Type.Object(
  {
    detail: Type.String(),
    code: Type.Enum(['transition_refused', 'version_conflict']),
    status: StatusSchema,
    version: Type.Integer({ minimum: 1 }),
    allowed: Type.Array(Type.Enum(['pause', 'continue', 'end', 'fail', 'cancel'])),
  },
  { title: 'Conflict' },
);
export type Conflict = Static<typeof Conflict>;
