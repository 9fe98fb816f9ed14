import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import Type from 'typebox';
import { CampaignInput } from './campaign.ts';
import { CommandBody, ExperimentEdit, ExperimentStart } from './experiment.ts';
import { parseJson } from './json.ts';
import { maxIssues, maxValueDepth, parse, type Issue } from './parse.ts';
import { FreeObject } from './schema.ts';

const readStart = (body: unknown) => parse(ExperimentStart, body, ['body']);
const start = (design: object, rest = {}) => ({
  experiment_design: { experiment_name: 'a', ...design },
  ...rest,
});

/** What a body becomes, as JSON text: order and number spellings included. */
function accepted(schema: Parameters<typeof parse>[0], text: string): string {
  const parsed = parse(schema, parseJson(text), ['body']);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return JSON.stringify(parsed.value);
}

function issuesOf(schema: Parameters<typeof parse>[0], text: string): Issue[] {
  const parsed = parse(schema, parseJson(text), ['body']);
  assert.ok(!parsed.ok, 'was accepted');
  return parsed.issues;
}

interface Entry {
  name: string;
  group: string;
  request: {
    method: string;
    path: string;
    headers?: Record<string, string>;
    body?: unknown;
    body_text?: string;
  };
  response: {
    status: number;
    body: { detail?: Issue[] | string; experiment_design?: { resource_conditions: unknown } };
  };
}

const corpusFile = new URL('../../../test/data/corpus.jsonl', import.meta.url);
const corpus = readFileSync(corpusFile, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Entry)
  .filter(
    ({ group, request }) =>
      ['create-invalid', 'conditions'].includes(group) && request.path === '/experiment',
  )
  .filter(({ request }) => request.headers === undefined);
const bodyOf = ({ request }: Entry) => request.body_text ?? JSON.stringify(request.body ?? null);
const isJson = (entry: Entry) => {
  try {
    parseJson(bodyOf(entry));
    return true;
  } catch {
    return false;
  }
};

describe('recorded starts', () => {
  const refused = corpus.filter((entry) => entry.response.status === 422 && isJson(entry));
  const taken = corpus.filter((entry) => entry.response.status === 200 && isJson(entry));

  test('are there', () => {
    assert.ok(refused.length >= 20 && taken.length >= 10, `${refused.length} refused, ${taken.length} taken`);
  });

  for (const entry of refused.filter(({ request }) => request.body !== undefined || request.body_text)) {
    test(`refused alike: ${entry.name}`, () => {
      const brief = (issues: Issue[]) => issues.map(({ type, loc, input }) => ({ type, loc, input }));
      assert.ok(Array.isArray(entry.response.body.detail));
      assert.deepEqual(brief(issuesOf(ExperimentStart, bodyOf(entry))), brief(entry.response.body.detail));
    });
  }

  for (const entry of taken) {
    test(`taken alike: ${entry.name}`, () => {
      const parsed = readStart(parseJson(bodyOf(entry)));
      assert.ok(parsed.ok, JSON.stringify(parsed));
      assert.equal(
        JSON.stringify(JSON.parse(JSON.stringify(parsed.value.experiment_design.resource_conditions))),
        JSON.stringify(entry.response.body.experiment_design?.resource_conditions),
      );
    });
  }
});

const rows: [name: string, body: unknown, ...issues: [type: string, loc: Issue['loc'], input: unknown][]][] =
  [
    ['nothing', {}, ['missing', ['body', 'experiment_design'], {}]],
    ['a list', [], ['model_attributes_type', ['body'], []]],
    [
      'two faults',
      start({ experiment_name: 1 }, { run_name: 2 }),
      ['string_type', ['body', 'experiment_design', 'experiment_name'], 1],
      ['string_type', ['body', 'run_name'], 2],
    ],
    [
      'a design without ULID',
      start({ ownership_info: { user_id: 'x' } }),
      ['value_error', ['body', 'experiment_design', 'ownership_info', 'user_id'], 'x'],
    ],
    [
      'a condition without type',
      start({ resource_conditions: [{ a: 1 }] }),
      ['union_tag_not_found', ['body', 'experiment_design', 'resource_conditions', 0], { a: 1 }],
    ],
    [
      'an unknown condition',
      start({ resource_conditions: [{ condition_type: 'x' }] }),
      ['union_tag_invalid', ['body', 'experiment_design', 'resource_conditions', 0], { condition_type: 'x' }],
    ],
    ['an empty tag', start({}, { tags: ['ok', ''] }), ['string_too_short', ['body', 'tags', 1], '']],
    [
      'too long a name',
      start({}, { run_name: 'x'.repeat(10_001) }),
      ['string_too_long', ['body', 'run_name'], 'x'.repeat(10_001)],
    ],
    [
      'too many tags',
      start({}, { tags: Array(101).fill('t') }),
      ['too_long', ['body', 'tags'], Array(101).fill('t')],
    ],
    [
      'a parent that is no ULID',
      start({}, { parent_experiment_id: '01arz3ndektsv4rrffq69g5fav' }),
      ['string_pattern_mismatch', ['body', 'parent_experiment_id'], '01arz3ndektsv4rrffq69g5fav'],
    ],
    [
      'a lone surrogate',
      start({}, { run_name: '\ud800' }),
      ['string_unicode', ['body', 'run_name'], '\ud800'],
    ],
    [
      'a lone surrogate in parameters',
      start({}, { parameters: { a: ['\ud800'] } }),
      ['string_unicode', ['body', 'parameters', 'a', 0], '\ud800'],
    ],
    [
      'a lone surrogate in a parameter name',
      start({}, { parameters: { a: { '\ud800': 1 } } }),
      ['string_unicode', ['body', 'parameters', 'a', '\ud800'], '\ud800'],
    ],
  ];

describe('parse refuses', () => {
  for (const [name, body, ...expected] of rows) {
    test(name, () => {
      const found = issuesOf(ExperimentStart, JSON.stringify(body));
      assert.deepEqual(
        found.map(({ type, loc, input }) => [type, loc, input]),
        expected,
      );
      for (const { msg } of found) assert.ok(msg.length > 10);
    });
  }

  const versions: [text: string, type: string][] = [
    ['0', 'greater_than_equal'],
    ['-9223372036854775808', 'greater_than_equal'],
    ['1.5', 'int_from_float'],
    ['"1"', 'int_type'],
    ['true', 'int_type'],
    ['9223372036854775808', 'less_than_equal'],
    [`1${'0'.repeat(1_000_000)}`, 'int_from_float'],
  ];
  for (const [text, type] of versions) {
    test(`expected_version ${text.slice(0, 25)}`, () => {
      assert.deepEqual(
        issuesOf(CommandBody, `{"expected_version":${text}}`).map((issue) => issue.type),
        [type],
      );
    });
  }

  for (const [text, type] of [
    ['9223372036854775808', 'int_parsing_size'],
    ['-9223372036854775809', 'int_parsing_size'],
    ['9'.repeat(1_000_000), 'int_parsing_size'],
    ['1e400', 'finite_number'],
    ['-1.5e309', 'finite_number'],
  ] as const) {
    test(`${text.slice(0, 25)} in free-form values`, () => {
      const [issue, ...others] = issuesOf(
        ExperimentStart,
        JSON.stringify(start({}, { parameters: { a: [0] } })).replace('[0]', `[${text}]`),
      );
      assert.deepEqual([issue?.type, issue?.loc, others], [type, ['body', 'parameters', 'a', 0], []]);
    });
  }

  test(`free-form values deeper than ${maxValueDepth} levels`, () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    assert.equal(accepted(FreeObject, nested(maxValueDepth)), nested(maxValueDepth));
    const [issue, ...others] = issuesOf(FreeObject, nested(maxValueDepth + 2));
    assert.deepEqual([issue?.type, issue?.input, others], ['recursion_limit', null, []]);
    assert.equal(issuesOf(FreeObject, nested(100_000)).length, 1);
  });

  test(`a long list of faults, of which the first ${maxIssues} are reported`, () => {
    const issues = issuesOf(
      ExperimentStart,
      JSON.stringify(start({ resource_conditions: Array(100_000).fill(0) })),
    );
    assert.equal(issues.length, maxIssues);
    assert.deepEqual(issues.at(-1)?.loc.at(-1), maxIssues - 1);
  });
});

const kept: [name: string, schema: Parameters<typeof parse>[0], body: string, value: string][] = [
  ['an edit that changes nothing', ExperimentEdit, '{}', '{"reason":null,"expected_version":null}'],
  [
    'defaults of a start',
    ExperimentStart,
    '{"experiment_design":{"experiment_name":"a"}}',
    '{"experiment_design":{"experiment_name":"a","experiment_description":null,"resource_conditions":[]},"run_name":null,"run_description":null,"parameters":{},"tags":[],"notes":null,"parent_experiment_id":null}',
  ],
  [
    'unknown fields are dropped',
    CommandBody,
    '{"status":"failed","reason":"r","__proto__":{"x":1}}',
    '{"reason":"r","expected_version":null}',
  ],
  [
    'fields are put in the order of the schema',
    ExperimentEdit,
    '{"notes":"n","run_name":"r"}',
    '{"run_name":"r","notes":"n","reason":null,"expected_version":null}',
  ],
  [
    'null is kept where it means something',
    ExperimentEdit,
    '{"notes":null}',
    '{"notes":null,"reason":null,"expected_version":null}',
  ],
  [
    'free-form values stay as they are',
    FreeObject,
    '{"z":1.0,"a":[9007199254740993,{"__proto__":-0,"constructor":1e5}],"__proto__":{"admin":true},"$where":"a.b"}',
    '{"z":1.0,"a":[9007199254740993,{"__proto__":-0,"constructor":1e5}],"__proto__":{"admin":true},"$where":"a.b"}',
  ],
  [
    'a version may be spelled 3.0',
    CommandBody,
    '{"expected_version":3.0}',
    '{"reason":null,"expected_version":3}',
  ],
  [
    'characters are counted, not UTF-16 units',
    ExperimentEdit,
    `{"run_name":"${'🧪'.repeat(10_000)}"}`,
    `{"run_name":"${'🧪'.repeat(10_000)}","reason":null,"expected_version":null}`,
  ],
];

describe('parse', () => {
  for (const [name, schema, body, value] of kept) {
    test(name, () => {
      assert.equal(accepted(schema, body), value);
    });
  }

  test('extra fields of a condition follow the known ones, whatever their names', () => {
    const condition = '{"__proto__":{"admin":true},"volume":1.0,"key":2,"condition_type":"resource_present"}';
    const body = `{"experiment_design":{"experiment_name":"a","resource_conditions":[${condition}]}}`;
    const parsed = readStart(parseJson(body));
    assert.ok(parsed.ok);
    const [read] = parsed.value.experiment_design.resource_conditions ?? [];
    assert.equal(
      JSON.stringify(read),
      '{"condition_type":"resource_present","condition_name":"A Condition","location_id":null,"location_name":null,"key":2,"resource_class":null,"__proto__":{"admin":true},"volume":1.0}',
    );
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
  });

  test('a default is a new value each time', () => {
    const first = readStart(start({}));
    const second = readStart(start({}));
    assert.ok(first.ok && second.ok && first.value.tags !== undefined);
    first.value.tags.push('changed');
    assert.deepEqual(second.value.tags, []);
  });

  test('a key of a condition may be an integer of 64 bits', () => {
    const condition = '{"condition_type":"resource_present","key":9007199254740993}';
    const body = `{"experiment_design":{"experiment_name":"a","resource_conditions":[${condition}]}}`;
    assert.ok(accepted(ExperimentStart, body).includes('"key":9007199254740993'));
  });

  for (const created_at of [
    '2026-01-20T10:00:00',
    '2026-01-20 10:00:00.123456',
    '2026-01-20T10:00:00Z',
    '2026-01-20T10:00:00+0100',
  ]) {
    test(`a campaign may have been created at ${created_at}`, () => {
      const body = JSON.stringify({ campaign_name: 'c', created_at });
      assert.equal(
        (JSON.parse(accepted(CampaignInput, body)) as { created_at: string }).created_at,
        created_at,
      );
    });
  }

  test('booleans', () => {
    const flag = Type.Object({ on: Type.Boolean() });
    assert.equal(accepted(flag, '{"on":false}'), '{"on":false}');
    assert.deepEqual(
      issuesOf(flag, '{"on":1}').map(({ type }) => type),
      ['bool_type'],
    );
  });
});
