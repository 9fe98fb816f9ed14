import Type, { type Static } from 'typebox';
import { Condition, ConditionInput } from './conditions.ts';
import { OwnershipInfo, OwnershipInfoInput } from './ownership.ts';
import { FreeObject, FreeObjectInput, nullable, optional } from './schema.ts';

const properties = {
  experiment_name: Type.String({ description: 'Name of the experiment' }),
  experiment_description: nullable(Type.String(), 'What the experiment is for'),
  resource_conditions: Type.Array(Condition, {
    default: [],
    description: 'What must hold before a run starts',
  }),
  ownership_info: OwnershipInfo,
  metadata: Type.Optional(FreeObject),
};

/** What a run is made from, as it was when the run started. `metadata` is free JSON. */
export const ExperimentDesign = Type.Object(properties, { title: 'ExperimentDesign' });
export type ExperimentDesign = Static<typeof ExperimentDesign>;

/** As a request brings it. A design without `ownership_info` gets the manager's own. */
export const ExperimentDesignInput = Type.Object(
  {
    ...optional(properties, 'experiment_description'),
    resource_conditions: Type.Optional(Type.Array(ConditionInput, { default: [] })),
    ownership_info: Type.Optional(OwnershipInfoInput),
    metadata: Type.Optional(FreeObjectInput),
  },
  { title: 'ExperimentDesignInput' },
);
export type ExperimentDesignInput = Static<typeof ExperimentDesignInput>;
