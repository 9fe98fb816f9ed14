/** The four resource conditions of a design. Unknown fields of a condition are kept. */
import Type, { type Static, type TProperties } from 'typebox';
import { FreeValueInput, nullable, optional } from './schema.ts';

export const operators = [
  'is_greater_than',
  'is_less_than',
  'is_equal_to',
  'is_greater_than_or_equal_to',
  'is_less_than_or_equal_to',
] as const;

/**
 * Where pydantic names the branches of a union in an error's `loc`, so do we: `x-branch` is that name. Integers of a key are lenient as
 * pydantic's: true is 1.
 */
const lenientInteger = Type.Unsafe<number>({ type: ['integer', 'boolean'], 'x-branch': 'int' });
const letterName = 'function-after[single_letter_or_digit_validator(), str]';
const letter = Type.String({ pattern: '^[A-Za-z0-9]$', 'x-branch': letterName });
const axis = Type.Union([lenientInteger, letter]);
const axisName = `union[int,${letterName}]`;
const grid2d = Type.Tuple([axis, axis], { 'x-branch': `tuple[${axisName}, ${axisName}]` });
const grid3d = Type.Tuple([axis, axis, axis], { 'x-branch': `tuple[${axisName}, ${axisName}, ${axisName}]` });

/** Where in a container: an integer, a text, or a grid index of two or three letters, digits or integers. */
export const ConditionKey = Type.Union(
  [Type.String({ 'x-branch': 'str' }), lenientInteger, letter, grid2d, grid3d],
  {
    default: 0,
    description: 'Key in the container: integer, text, or grid index [row, column] or [row, column, layer]',
  },
);

const name = Type.String({ default: 'A Condition', description: 'Name of the condition' });
const operator = Type.Enum([...operators], { description: 'How the field is compared with target_value' });

const present = {
  condition_type: Type.Literal('resource_present'),
  condition_name: name,
  location_id: nullable(Type.String(), 'Location to look in'),
  location_name: nullable(Type.String(), 'Name of the location; wins over location_id'),
  key: ConditionKey,
  resource_class: nullable(Type.String(), 'Class the resource must have'),
};

const absent = {
  condition_type: Type.Literal('no_resource_present'),
  condition_name: name,
  location_id: nullable(Type.String(), 'Location to look in'),
  location_name: Type.String({ description: 'Name of the location' }),
  key: ConditionKey,
};

const field = {
  condition_type: Type.Literal('resource_field_check'),
  condition_name: name,
  resource_id: nullable(Type.String(), 'Resource to check; wins over resource_name'),
  resource_name: nullable(Type.String(), 'Name of the resource to check'),
  field: Type.String({ description: 'Field of the resource' }),
  operator,
  target_value: Type.Unknown({ description: 'Value the field is compared with' }),
};

const childField = {
  condition_type: Type.Literal('resource_child_field_check'),
  condition_name: name,
  resource_id: nullable(Type.String(), 'Container; wins over resource_name'),
  resource_name: nullable(Type.String(), 'Name of the container'),
  field: Type.String({ description: 'Field of the child resource' }),
  operator,
  key: ConditionKey,
  target_value: Type.Unknown({ description: 'Value the field is compared with' }),
};

const open = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: Type.Unknown() });
const openInput = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: FreeValueInput });
const discriminator = { discriminator: { propertyName: 'condition_type' } };

export const Condition = Type.Union(
  [open(present), open(absent), open(field), open(childField)],
  discriminator,
);
export type Condition = Static<typeof Condition>;

/** As a request brings it: fields with a default may be left out. */
export const ConditionInput = Type.Union(
  [
    openInput(optional(present, 'condition_name', 'location_id', 'location_name', 'key', 'resource_class')),
    openInput(optional(absent, 'condition_name', 'location_id', 'key')),
    openInput({
      ...optional(field, 'condition_name', 'resource_id', 'resource_name'),
      target_value: FreeValueInput,
    }),
    openInput({
      ...optional(childField, 'condition_name', 'resource_id', 'resource_name', 'key'),
      target_value: FreeValueInput,
    }),
  ],
  discriminator,
);
export type ConditionInput = Static<typeof ConditionInput>;
