/** What the manager says of itself. */
import Type, { type Static } from 'typebox';
import { StatusSchema } from './experiment.ts';
import { Ulid, nullable } from './schema.ts';

/** GET /health. The counts cost the same however many runs are stored. */
export const Health = Type.Object(
  {
    healthy: Type.Boolean(),
    description: nullable(Type.String()),
    db_connected: Type.Boolean(),
    total_experiments: nullable(Type.Integer({ minimum: 0 })),
    version: Type.String({ description: 'Version of this manager' }),
    experiments_by_status: nullable(
      Type.Record(StatusSchema, Type.Integer({ minimum: 0 }), { description: 'Number of runs by status' }),
    ),
    events_waiting: nullable(
      Type.Integer({ minimum: 0 }),
      'Events that the Event Manager has not taken yet; 0 where none is configured',
    ),
  },
  { title: 'Health' },
);
export type Health = Static<typeof Health>;

/** GET / and GET /definition. Extra keys of the definition file are kept. */
export const Definition = Type.Object(
  {
    name: Type.String(),
    description: nullable(Type.String()),
    manager_id: Ulid,
    manager_type: Type.Literal('experiment_manager'),
    experiment_manager_id: Ulid,
  },
  { title: 'Definition', additionalProperties: Type.Unknown() },
);
export type Definition = Static<typeof Definition>;

/** GET /settings: every setting by name, secrets redacted. */
export const SettingsReply = Type.Object(
  { settings: Type.Record(Type.String(), Type.Unknown()) },
  { title: 'Settings' },
);
export type SettingsReply = Static<typeof SettingsReply>;
