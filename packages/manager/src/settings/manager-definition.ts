import { chmodSync, mkdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ulid } from 'ulid';
import { isMap, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { DefinitionError, systemCode } from './errors.ts';
import { readText, yamlReason } from './formats.ts';
import type { Settings } from './load.ts';
import { expandHome } from './paths.ts';
import { managerType, ulidText } from './types.ts';

/** Who this manager is, as GET /definition replies it: extra keys of the file stand before the last one. */
export interface ManagerDefinition {
  readonly name: string;
  readonly description: string | null;
  readonly manager_id: string;
  readonly manager_type: 'experiment_manager';
  /** The same as `manager_id`. */
  readonly experiment_manager_id: string;
  readonly [extra: string]: unknown;
}

export interface LoadedDefinition {
  readonly definition: ManagerDefinition;
  /** Sentences for the operator; none of them keeps the server from starting. */
  readonly warnings: readonly string[];
}

type IdentitySettings = Pick<
  Settings,
  'manager_definition' | 'manager_name' | 'manager_description' | 'manager_id'
>;

/** MADSci's names: of a manager without a definition file, and of one whose file has no name. */
const NAME_WITHOUT_FILE = 'Default ExperimentManager';
const NAME_WITHOUT_KEY = 'Experiment Manager';

/** Reads and checks the parts of one file; `label` is the file's name for messages. */
function parseFile(text: string, label: string): Document {
  const document = parseDocument(text, { merge: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error)
    throw new DefinitionError(`The definition file ${label} is not valid YAML: ${yamlReason(error)}.`);
  if (document.contents !== null && !isMap(document.contents)) {
    throw new DefinitionError(
      `The definition file ${label} must hold keys and values, such as "name: My Manager".`,
    );
  }
  return document;
}

function toValues(document: Document, label: string): Record<string, unknown> {
  try {
    return (document.toJS() ?? {}) as Record<string, unknown>;
  } catch (error) {
    throw new DefinitionError(`The definition file ${label} can't be read: ${yamlReason(error)}.`, {
      cause: error,
    });
  }
}

function refuse(label: string, key: string, value: unknown, expected: string): never {
  throw new DefinitionError(`${key} in ${label} is ${JSON.stringify(value)}, but must be ${expected}.`);
}

/** Known keys of the file, each undefined where it is missing. */
function checkValues(values: Readonly<Record<string, unknown>>, label: string) {
  const { name, description, manager_id, experiment_manager_id, manager_type, ...extras } = values;
  if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) {
    refuse(label, 'name', name, 'a text that is not empty');
  }
  if (description !== undefined && description !== null && typeof description !== 'string') {
    refuse(label, 'description', description, 'a text or null');
  }
  const idKey = manager_id === undefined ? 'experiment_manager_id' : 'manager_id';
  const givenId = manager_id ?? experiment_manager_id;
  const id = ulidText.parse(givenId);
  if (id === undefined && idKey in values) refuse(label, idKey, givenId, ulidText.expected);
  if (manager_type !== undefined && managerType.parse(manager_type) === undefined) {
    refuse(label, 'manager_type', manager_type, managerType.expected);
  }
  return { name, description, id, extras };
}

function readDefinitionFile(path: string, label: string): Document | undefined {
  try {
    const text = readText(path);
    return text === undefined ? undefined : parseFile(text, label);
  } catch (error) {
    if (error instanceof DefinitionError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DefinitionError(`The definition file ${label} can't be read: ${reason}.`, { cause: error });
  }
}

/** Adds what the file lacks, in MADSci's order. Returns whether there was anything to add. */
function complete(document: Document, definition: ManagerDefinition): boolean {
  const hasId = document.has('manager_id') || document.has('experiment_manager_id');
  const missing = ['name', 'description', 'manager_id', 'manager_type'].filter((key) =>
    key === 'manager_id' ? !hasId : !document.has(key),
  );
  for (const key of missing) document.set(key, definition[key]);
  return missing.length > 0;
}

/** By a temporary file and a rename; a file that is mounted on its own can't be renamed and is written in place. */
function writeAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
  const target = exists ? realpathSync(path) : path;
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    writeFileSync(temporary, text, { flush: true });
    if (exists) chmodSync(temporary, statSync(target).mode);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (systemCode(error) !== 'EBUSY') throw error;
    writeFileSync(target, text, { flush: true });
  }
}

function write(path: string, label: string, document: Document, idWasNew: boolean): string[] {
  try {
    writeAtomically(path, document.toString({ lineWidth: 0 }));
    return [];
  } catch (error) {
    const consequence = idWasNew ? '; the manager_id will be another one after the next start' : '';
    return [
      `The definition file ${label} can't be written (${systemCode(error) ?? String(error)})${consequence}.`,
    ];
  }
}

/**
 * The definition of this manager: the settings win over the file `manager_definition`, a relative path of which starts
 * at `cwd`. What the file lacks is added to it, comments stay; a file that can't be written is a warning.
 * Throws a DefinitionError where the file is there and not right.
 */
export function loadDefinition(settings: IdentitySettings, cwd: string = process.cwd()): LoadedDefinition {
  const label = settings.manager_definition;
  const path = resolve(cwd, expandHome(label));
  const read = readDefinitionFile(path, label);
  const document = read ?? parseDocument('');
  const file = checkValues(toValues(document, label), label);
  const id = settings.manager_id ?? file.id ?? ulid();
  const definition: ManagerDefinition = {
    name: settings.manager_name ?? file.name ?? (read ? NAME_WITHOUT_KEY : NAME_WITHOUT_FILE),
    description: settings.manager_description ?? file.description ?? null,
    manager_id: id,
    manager_type: 'experiment_manager',
    ...file.extras,
    experiment_manager_id: id,
  };
  const idWasNew = settings.manager_id === null && file.id === undefined;
  const warnings = complete(document, definition) ? write(path, label, document, idWasNew) : [];
  return { definition: Object.freeze(definition), warnings };
}
