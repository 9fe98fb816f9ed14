import Type, { type Static } from 'typebox';
import { ulidPattern } from './schema.ts';

/** Who and what a design, run or campaign belongs to, in the order in which replies show it. */
export const ownershipFields = [
  'user_id',
  'experiment_id',
  'campaign_id',
  'project_id',
  'node_id',
  'workcell_id',
  'lab_id',
  'step_id',
  'workflow_id',
  'manager_id',
] as const;

export type OwnershipField = (typeof ownershipFields)[number];

const owner = (name: string) =>
  Type.Optional(
    Type.String({ pattern: ulidPattern, 'x-ulid-field': name, description: `ULID of the owning ${name}` }),
  );
const ownerInput = (name: string) =>
  Type.Optional(Type.Union([Type.String({ pattern: ulidPattern, 'x-ulid-field': name }), Type.Null()]));

const properties = <T>(make: (name: string) => T) =>
  Object.fromEntries(ownershipFields.map((name) => [name, make(name)])) as Record<OwnershipField, T>;

/** Only the ids that are set; each is a ULID. */
export const OwnershipInfo = Type.Object(properties(owner), { title: 'OwnershipInfo' });
export type OwnershipInfo = Static<typeof OwnershipInfo>;

/** As a request brings it: null stands for "not set". */
export const OwnershipInfoInput = Type.Object(properties(ownerInput), { title: 'OwnershipInfoInput' });
export type OwnershipInfoInput = Static<typeof OwnershipInfoInput>;

/** The set ids, in the fixed order. */
export function setOwners(input: OwnershipInfoInput): OwnershipInfo {
  const set = ownershipFields.filter((name) => input[name] != null).map((name) => [name, input[name]]);
  return Object.fromEntries(set) as OwnershipInfo;
}
