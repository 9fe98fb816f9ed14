/** A run as a document: the wire fields at its top level, so that MADSci could read it, and the manager's own in `_store`. */
import { BSON, ObjectId } from 'mongodb';
import { Experiment, parseJson, statuses } from '@madsci-ts/protocol';
import { isValid } from 'ulid';
import type { RunDocument, StoredId, StorePart } from './names.ts';
import { decode, encode } from './values.ts';

const fieldNames = Object.keys(Experiment.properties).filter((name) => name !== 'unreadable') as FieldName[];
type FieldName = Exclude<keyof Experiment, 'unreadable'>;

/** A run as it was read. What cannot be read is served as far as it goes, with the reasons in `run.unreadable`. */
export interface StoredRun {
  /** As it is stored: a text, or what another program chose. */
  id: StoredId;
  /** As it is stored; with a foreign status `run.status` is unknown. */
  status: unknown;
  run: Experiment;
  /** Fields that the document lacks. */
  missing: FieldName[];
  store: StorePart | undefined;
}

export function toDocument(run: Experiment, store: StorePart): RunDocument {
  const texts: Record<string, string> = {};
  const fields = Object.entries(run).map(([name, value]) => {
    const { value: encoded, exact } = encode(value);
    if (!exact) texts[name] = JSON.stringify(value);
    return [name, encoded];
  });
  return { ...(Object.fromEntries(fields) as RunDocument), _store: { ...store, texts } };
}

/** The parts of an update that change these fields. */
export function fieldUpdate(fields: Partial<Experiment>) {
  const set: Record<string, unknown> = {};
  const unset: Record<string, ''> = {};
  for (const [name, value] of Object.entries(fields)) {
    const { value: encoded, exact } = encode(value);
    set[name] = encoded;
    if (exact) unset[`_store.texts.${name}`] = '';
    else set[`_store.texts.${name}`] = JSON.stringify(value);
  }
  return { set, unset };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrNull = (value: unknown) => value === null || isText(value);
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const utcText = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const isTime = (value: unknown) => isText(value) && utcText.test(value);
const isTimeOrNull = (value: unknown) => value === null || isTime(value);
const isId = (value: unknown) => isText(value) && isValid(value);

interface Rule {
  fits(value: unknown): boolean;
  /** Completes "is not". */
  expected: string;
  /** Served instead. */
  otherwise: unknown;
}

const rule = (fits: Rule['fits'], expected: string, otherwise: unknown): Rule => ({
  fits,
  expected,
  otherwise,
});
const optionalText = rule(isTextOrNull, 'a text', null);
const optionalTime = rule(isTimeOrNull, 'a UTC time with milliseconds', null);
const object = rule(isObject, 'an object', {});

const rules: Record<FieldName, Rule> = {
  _id: rule(isId, 'a ULID', ''),
  status: rule((value) => (statuses as readonly unknown[]).includes(value), 'a status', 'unknown'),
  experiment_design: rule((value) => value === null || isObject(value), 'an object', null),
  ownership_info: object,
  run_name: optionalText,
  run_description: optionalText,
  started_at: optionalTime,
  ended_at: optionalTime,
  experiment_id: rule(isId, 'a ULID', ''),
  requested_status: optionalText,
  experiment_design_id: optionalText,
  parameters: object,
  outcome: object,
  tags: rule((value) => Array.isArray(value) && value.every(isText), 'a list of texts', []),
  notes: optionalText,
  updated_at: rule(isTime, 'a UTC time with milliseconds', null),
  status_reason: optionalText,
  actor: optionalText,
  parent_experiment_id: optionalText,
  lease: rule((value) => value === null || isObject(value), 'an object', null),
  version: rule((value) => Number.isInteger(value) && (value as number) >= 1, 'a whole number above 0', 1),
};

/** Fields whose text is served although it does not fit, because readers make something of it: naive times, foreign ids. */
const servedAsText = new Set<FieldName>(['_id', 'experiment_id', 'started_at', 'ended_at', 'updated_at']);

export function readDocument(document: RunDocument): StoredRun {
  const { _store: store, ...fields } = document;
  const unreadable: string[] = [];
  const missing: FieldName[] = [];
  const run: Record<string, unknown> = {};
  for (const name of fieldNames) {
    if (name in fields) run[name] = readField(name, fields[name], store, unreadable);
    else {
      missing.push(name);
      run[name] = rules[name].otherwise;
    }
  }
  for (const name of Object.keys(fields)) {
    if (name in rules || name === 'unreadable') continue;
    run[name] = decode(fields[name], () => undefined);
  }
  if (missing.length > 0) fillIn(run, missing, unreadable);
  if (unreadable.length > 0) run['unreadable'] = unreadable;
  return { id: document._id, status: fields['status'], run: run as Experiment, missing, store };
}

/** Only what cannot be derived is a fault: MADSci's documents lack experiment_id and all that is ours. */
function fillIn(run: Record<string, unknown>, missing: FieldName[], unreadable: string[]) {
  if (missing.includes('experiment_id')) run['experiment_id'] = run['_id'];
  if (missing.includes('updated_at')) run['updated_at'] = run['ended_at'] ?? run['started_at'];
  for (const name of missing) if (name !== 'experiment_id') unreadable.push(`${name} is missing`);
}

function readField(
  name: FieldName,
  stored: unknown,
  store: StorePart | undefined,
  unreadable: string[],
): unknown {
  const text = store?.texts?.[name];
  if (text !== undefined) {
    const value = parseJson(text);
    if (isLikeness(stored, value)) return value;
  }
  const kinds = new Set<string>();
  const value = decode(stored, (kind) => kinds.add(kind));
  const { fits, expected, otherwise } = rules[name];
  const isForeign = kinds.size > 0;
  if (fits(value) && !isForeign) return value;
  const shown = JSON.stringify(value).slice(0, 200);
  if (!fits(value)) unreadable.push(`${name} is ${[...kinds, shown].join(' ')}, not ${expected}`);
  else unreadable.push(`${name} holds ${[...kinds].join(' and ')}`);
  if (fits(value) && name !== 'started_at') return value;
  return servedAsText.has(name) && isText(value) && !(name === 'started_at' && isForeign) ? value : otherwise;
}

/** Whether the stored value is what we made of this one: another program may have changed it since. */
function isLikeness(stored: unknown, value: unknown): boolean {
  const bytes = (one: unknown) => Buffer.from(BSON.serialize({ one }));
  return bytes(stored).equals(bytes(encode(value).value));
}

/** Reads a run with every number in its BSON type. */
export const exactly = { promoteValues: false } as const;

/** The manager's own part with plain numbers. */
export function withNumbers(document: RunDocument): RunDocument {
  const store = document._store;
  return store?.entries === undefined
    ? document
    : { ...document, _store: { ...store, entries: store.entries.valueOf() } };
}

export const textOfRun = ({ run }: Pick<StoredRun, 'run'>): string => JSON.stringify(run);

/** How an id of the path may be stored: MADSci's texts, or ObjectIds that another program made. */
export function storedIds(id: string): StoredId[] {
  return /^[0-9a-f]{24}$/i.test(id) ? [id, ObjectId.createFromHexString(id)] : [id];
}
