import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DefinitionError } from './errors.ts';
import { loadSettings } from './load.ts';
import { loadDefinition } from './manager-definition.ts';

const ID = '01KABD0000000000000000EXP1';
const OTHER_ID = '01KABD0000000000000000EXP2';
const FILE = 'experiment.manager.yaml';
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'definition-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function load(content?: string, env: Record<string, string> = {}) {
  if (content !== undefined) writeFileSync(join(folder, FILE), content);
  return loadDefinition(loadSettings({ env, cwd: folder }).settings, folder);
}

const stored = () => readFileSync(join(folder, FILE), 'utf8');

test("without a file it is MADSci's default under a new id, which is kept", () => {
  const { definition, warnings } = load();
  const { manager_id: id } = definition;
  assert.match(id, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
  assert.equal(
    JSON.stringify(definition),
    `{"name":"Default ExperimentManager","description":null,"manager_id":"${id}","manager_type":"experiment_manager","experiment_manager_id":"${id}"}`,
  );
  assert.deepEqual(warnings, []);
  assert.equal(
    stored(),
    `name: Default ExperimentManager\ndescription: null\nmanager_id: ${id}\nmanager_type: experiment_manager\n`,
  );
  assert.deepEqual(readdirSync(folder), [FILE]);
  assert.deepEqual(load().definition, definition);
});

test('what a file lacks is added, comments and extra keys stay', () => {
  const { definition } = load('# our lab\nname: Alpha # the first\nsite:\n  room: [1, 2]\n');
  assert.equal(definition.name, 'Alpha');
  assert.deepEqual(definition['site'], { room: [1, 2] });
  assert.deepEqual(Object.keys(definition), [
    'name',
    'description',
    'manager_id',
    'manager_type',
    'site',
    'experiment_manager_id',
  ]);
  assert.equal(
    stored(),
    `# our lab\nname: Alpha # the first\nsite:\n  room: [ 1, 2 ]\ndescription: null\nmanager_id: ${definition.manager_id}\nmanager_type: experiment_manager\n`,
  );
});

test('a complete file is left alone, with either name of the id in either case', () => {
  for (const key of ['manager_id', 'experiment_manager_id']) {
    const content = `{name: A,   description: d, ${key}: ${ID.toLowerCase()}, manager_type: experiment_manager}\n`;
    const { definition } = load(content);
    assert.equal(definition.manager_id, ID);
    assert.equal(definition.experiment_manager_id, ID);
    assert.equal(stored(), content);
  }
});

test('a file without a name has the name that MADSci gives it', () => {
  assert.equal(load(`manager_id: ${ID}\n`).definition.name, 'Experiment Manager');
});

test('settings win over the file and leave it as it is', () => {
  const content = `name: A\ndescription: d\nmanager_id: ${ID}\nmanager_type: experiment_manager\n`;
  const { definition } = load(content, {
    EXPERIMENT_MANAGER_NAME: 'B',
    EXPERIMENT_MANAGER_DESCRIPTION: 'e',
    EXPERIMENT_MANAGER_ID: OTHER_ID,
  });
  assert.deepEqual([definition.name, definition.description, definition.manager_id], ['B', 'e', OTHER_ID]);
  assert.equal(stored(), content);
});

test('a folder that is missing is made', () => {
  const { warnings } = load(undefined, { EXPERIMENT_MANAGER_DEFINITION: 'managers/ours.yaml' });
  assert.deepEqual(warnings, []);
  assert.deepEqual(readdirSync(join(folder, 'managers')), ['ours.yaml']);
});

test('a place that can not be written to is a warning', () => {
  writeFileSync(join(folder, 'plain'), '');
  const { definition, warnings } = load(undefined, { EXPERIMENT_MANAGER_DEFINITION: 'plain/ours.yaml' });
  assert.equal(definition.name, 'Default ExperimentManager');
  assert.deepEqual(warnings, [
    "The definition file plain/ours.yaml can't be written (EEXIST); the manager_id will be another one after the next start.",
  ]);
});

describe('refusals', () => {
  const rows: [string, string][] = [
    [
      'name: a\nname: b',
      `The definition file ${FILE} is not valid YAML: line 2, column 1: Map keys must be unique.`,
    ],
    ['- a', `The definition file ${FILE} must hold keys and values, such as "name: My Manager".`],
    ['name: 5', `name in ${FILE} is 5, but must be a text that is not empty.`],
    ['description: [d]', `description in ${FILE} is ["d"], but must be a text or null.`],
    [
      'manager_id: em1',
      `manager_id in ${FILE} is "em1", but must be a ULID (26 characters such as 01KABD0000000000000000EXP1).`,
    ],
    [
      'experiment_manager_id: 8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
      `experiment_manager_id in ${FILE} is "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", but must be a ULID (26 characters such as 01KABD0000000000000000EXP1).`,
    ],
    [
      'manager_type: lab_manager',
      `manager_type in ${FILE} is "lab_manager", but must be "experiment_manager".`,
    ],
  ];
  for (const [content, message] of rows) {
    test(content, () => {
      assert.throws(
        () => load(content),
        (error) => error instanceof DefinitionError && error.message === message,
      );
      assert.equal(stored(), content);
    });
  }

  test('a folder of that name', () => {
    mkdirSync(join(folder, FILE));
    assert.throws(() => load(), {
      name: 'DefinitionError',
      message: /experiment\.manager\.yaml can't be read: EISDIR/,
    });
  });
});
