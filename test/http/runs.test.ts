/** Runs over HTTP: start, lifecycle commands, editing. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startManager, type TestManager } from '../support/manager.ts';
import { sendRaw } from '../support/raw-http.ts';
import { testRows, type Row } from '../support/rows.ts';

const ulid = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const design = { experiment_name: 'row' };
const start = (body: Record<string, unknown>) => ({ experiment_design: design, ...body });

const starts: Row[] = [
  {
    name: 'a start replies every field of the run, MADSci’s first',
    request: 'POST /experiment',
    body: start({}),
    status: 200,
    has: [
      '{"_id":"',
      '"run_name":null,"run_description":null,"started_at":"',
      '"ended_at":null,"experiment_id":"',
      '"requested_status":null,"experiment_design_id":null,"parameters":{},"outcome":{},"tags":[],"notes":null',
      '"status_reason":null,"actor":"anonymous@127.0.0.1","parent_experiment_id":null,"lease":null,"version":1}',
      'x-request-id: ',
    ],
  },
  {
    name: 'a start keeps what it is given',
    request: 'POST /experiment',
    body: start({
      run_name: 'Lauf 7 ü',
      run_description: 'second plate',
      tags: ['gold', 'ünï'],
      notes: 'n',
      parent_experiment_id: ulid,
    }),
    status: 200,
    has: [
      '"run_name":"Lauf 7 ü","run_description":"second plate"',
      '"tags":["gold","ünï"],"notes":"n"',
      `"parent_experiment_id":"${ulid}"`,
    ],
  },
  {
    name: 'numbers of parameters and metadata keep their spelling',
    request: 'POST /experiment',
    body: '{"experiment_design":{"experiment_name":"n","metadata":{"a":1.0,"b":-0.0,"c":1e5}},"parameters":{"t":37.0,"n":9223372036854775807,"s":0.1000}}',
    status: 200,
    has: [
      '"metadata":{"a":1.0,"b":-0.0,"c":1e5}',
      '"parameters":{"t":37.0,"n":9223372036854775807,"s":0.1000}',
    ],
  },
  {
    name: 'a client cannot choose id, status, times, version or actor',
    request: 'POST /experiment',
    body: start({
      _id: ulid,
      status: 'failed',
      started_at: '2001-01-01T00:00:00Z',
      version: 9,
      actor: 'root',
    }),
    status: 200,
    has: ['"status":"in_progress"', '"version":1}', '"actor":"anonymous@127.0.0.1"'],
    hasNot: [ulid, '2001-', 'root'],
  },
  {
    name: 'a name like __proto__ is a name like any other',
    request: 'POST /experiment',
    body: '{"experiment_design":{"experiment_name":"p"},"parameters":{"__proto__":{"x":1},"constructor":2}}',
    status: 200,
    has: ['"parameters":{"__proto__":{"x":1},"constructor":2}'],
  },
  {
    name: 'every fault of a start is named',
    request: 'POST /experiment',
    body: { experiment_design: {}, run_name: 7, tags: 'x', parent_experiment_id: 'y' },
    status: 422,
    has: [
      '"type":"missing","loc":["body","experiment_design","experiment_name"]',
      '"type":"string_type","loc":["body","run_name"]',
      '"type":"list_type","loc":["body","tags"]',
      '"loc":["body","parent_experiment_id"]',
      '"code":"invalid_request"',
    ],
  },
  {
    name: 'a start needs a body',
    request: 'POST /experiment',
    status: 422,
    has: ['"type":"missing","loc":["body"]'],
  },
];

const finals = ['completed', 'failed', 'cancelled'] as const;
const reached = {
  pause: 'paused',
  continue: 'in_progress',
  end: 'completed',
  fail: 'failed',
  cancel: 'cancelled',
} as const;
type Name = keyof typeof reached;
const historyIn = {
  in_progress: ['start in_progress'],
  paused: ['start in_progress', 'pause paused'],
  completed: ['start in_progress', 'end completed'],
  failed: ['start in_progress', 'fail failed'],
  cancelled: ['start in_progress', 'cancel cancelled'],
};
type From = keyof typeof historyIn;

/** A command that moves the run. */
const moves = (from: From, name: Name): Row => ({
  name: `${name} of a run that is ${from}: ${reached[name]}`,
  run: from,
  request: `POST /experiment/{id}/${name}`,
  status: 200,
  has: [`"status":"${reached[name]}"`, `"version":${from === 'in_progress' ? 2 : 3}}`],
  history: [...historyIn[from], `${name} ${reached[name]}`],
});
/** A command that asks for what is already so. */
const stays = (from: From, name: Name): Row => ({
  name: `${name} of a run that is ${from}: nothing changes`,
  run: from,
  request: `POST /experiment/{id}/${name}`,
  status: 200,
  has: [`"status":"${from}"`],
  history: historyIn[from],
});
const refused = (from: From, name: Name): Row => ({
  name: `${name} of a run that is ${from}: 409`,
  run: from,
  request: `POST /experiment/{id}/${name}`,
  status: 409,
  has: ['"code":"transition_refused"', `"status":"${from}","version":2,"allowed":[]`],
  history: [...historyIn[from], `${name} ${reached[name]} refused`],
});

/** The lifecycle table of docs/architecture.md, written out: the code's own table is what is tested. */
const lifecycle: Row[] = [
  stays('in_progress', 'continue'),
  ...(['pause', 'end', 'fail', 'cancel'] as const).map((name) => moves('in_progress', name)),
  stays('paused', 'pause'),
  ...(['continue', 'end', 'fail', 'cancel'] as const).map((name) => moves('paused', name)),
  ...finals.flatMap((from) => [refused(from, 'pause'), refused(from, 'continue')]),
  refused('completed', 'fail'),
  refused('completed', 'cancel'),
  refused('failed', 'cancel'),
  refused('cancelled', 'fail'),
  stays('failed', 'fail'),
  stays('cancelled', 'cancel'),
  stays('completed', 'end'),
  ...(['failed', 'cancelled'] as const).map((from): Row => ({
    name: `end of a run that is ${from}: 200, and the wish is kept`,
    run: from,
    request: 'POST /experiment/{id}/end',
    status: 200,
    has: [`"status":"${from}"`, '"version":2}'],
    history: [...historyIn[from], 'end completed refused'],
  })),
];

const ending = (query: string, status: string): Row => ({
  name: `end${query} of a running run: ${status}`,
  run: 'in_progress',
  request: `POST /experiment/{id}/end${query}`,
  status: 200,
  has: [`"status":"${status}"`],
  hasNot: ['"ended_at":null'],
  history: ['start in_progress', `end ${status}`],
});
const badEnding = (status: string): Row => ({
  name: `end?status=${status} is refused`,
  run: 'in_progress',
  request: `POST /experiment/{id}/end?status=${status}`,
  status: 422,
  has: ['"type":"enum","loc":["query","status"]', `"input":"${status}"`],
  history: ['start in_progress'],
});
const outcomes: Row[] = [
  ending('', 'completed'),
  ending('?status=', 'completed'),
  ending('?status=completed', 'completed'),
  ending('?status=failed', 'failed'),
  ending('?status=cancelled', 'cancelled'),
  ending('?status=ExperimentStatus.COMPLETED', 'completed'),
  ending('?status=ExperimentStatus.FAILED', 'failed'),
  ending('?status=ExperimentStatus.CANCELLED', 'cancelled'),
  ...['paused', 'in_progress', 'unknown', 'FAILED', 'ExperimentStatus.PAUSED', 'ExperimentStatus.'].map(
    badEnding,
  ),
  {
    name: 'end?status=failed of a cancelled run: 200, and the wish is kept',
    run: 'cancelled',
    request: 'POST /experiment/{id}/end?status=ExperimentStatus.FAILED',
    status: 200,
    has: ['"status":"cancelled"'],
    history: [...historyIn.cancelled, 'end failed refused'],
  },
];

const arguments_: Row[] = [
  {
    name: 'a reason is kept with the run',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    body: { reason: 'tip box empty', unknown: 1 },
    status: 200,
    has: ['"status_reason":"tip box empty"'],
    history: ['start in_progress', 'pause paused'],
  },
  {
    name: 'the version it has is accepted',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    body: { expected_version: 1 },
    status: 200,
    has: ['"version":2}'],
  },
  {
    name: 'another version is a conflict, kept in the history',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    body: { expected_version: 7, reason: 'too late' },
    status: 409,
    has: [
      '"code":"version_conflict","status":"in_progress","version":1,"allowed":["pause","end","fail","cancel"]',
    ],
    history: ['start in_progress', 'pause paused refused'],
  },
  {
    name: 'null stands for not given',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    body: { expected_version: null, reason: null },
    status: 200,
  },
  {
    name: 'a version is a whole number above 0',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    body: { expected_version: 0 },
    status: 422,
    has: ['"type":"greater_than_equal","loc":["body","expected_version"]'],
    history: ['start in_progress'],
  },
  {
    name: 'an empty body is no body',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    body: '',
    status: 200,
  },
  {
    name: 'a body without content type is read as JSON',
    run: 'in_progress',
    request: 'POST /experiment/{id}/pause',
    headers: { 'content-type': null },
    body: { reason: 'r' },
    status: 200,
    has: ['"status_reason":"r"'],
  },
  {
    name: 'a command of no run',
    request: 'POST /experiment/nope/pause',
    status: 404,
    has: ['"detail":"Experiment not found"'],
  },
];

const edits: Row[] = [
  {
    name: 'PATCH changes what it names and nothing else',
    run: 'paused',
    request: 'PATCH /experiment/{id}',
    body: { run_name: 'new', tags: ['a'], status: 'completed', started_at: 'x' },
    status: 200,
    has: [
      '"status":"paused"',
      '"run_name":"new","run_description":null',
      '"tags":["a"],"notes":null',
      '"version":3}',
    ],
    history: ['start in_progress', 'pause paused', 'edit paused'],
  },
  {
    name: 'PATCH of a final run is fine: its notes are no part of the lifecycle',
    run: 'completed',
    request: 'PATCH /experiment/{id}',
    body: { notes: 'looked at under the microscope' },
    status: 200,
    has: ['"status":"completed"', '"notes":"looked at under the microscope"'],
  },
  {
    name: 'PATCH takes a name away with null',
    run: 'in_progress',
    request: 'PATCH /experiment/{id}',
    body: { run_name: null },
    status: 200,
    has: ['"run_name":null'],
  },
  {
    name: 'PATCH with another version is a conflict',
    run: 'in_progress',
    request: 'PATCH /experiment/{id}',
    body: { run_name: 'x', expected_version: 2 },
    status: 409,
    has: ['"code":"version_conflict"'],
    history: ['start in_progress', 'edit in_progress refused'],
  },
  {
    name: 'PATCH refuses wrong types',
    run: 'in_progress',
    request: 'PATCH /experiment/{id}',
    body: { run_name: 1, tags: [''], notes: [] },
    status: 422,
    has: ['["body","run_name"]', '["body","tags",0]', '["body","notes"]'],
    history: ['start in_progress'],
  },
  { name: 'PATCH of no run', request: 'PATCH /experiment/nope', body: { notes: '' }, status: 404 },
];

describe('runs', () => {
  let manager: TestManager;
  before(async () => void (manager = await startManager()));
  after(() => manager.stop());
  const url = () => manager.url;
  describe('start', () => testRows(url, starts));
  describe('lifecycle', () => testRows(url, lifecycle));
  describe('outcome of an end', () => testRows(url, outcomes));
  describe('arguments of a command', () => testRows(url, arguments_));
  describe('PATCH', () => testRows(url, edits));

  test('the history tells who, when, why and under which request', async () => {
    const started = await sendRaw(url(), {
      method: 'POST',
      path: '/experiment',
      body: JSON.stringify(start({})),
    });
    const run = JSON.parse(started.text) as { _id: string; started_at: string };
    const path = `/experiment/${run._id}`;
    const body = JSON.stringify({ reason: 'because' });
    const paused = await sendRaw(url(), { method: 'POST', path: `${path}/pause`, body });
    const { updated_at: pausedAt } = JSON.parse(paused.text) as { updated_at: string };
    const history = await sendRaw(url(), { method: 'GET', path: `${path}/history` });
    const actor = 'anonymous@127.0.0.1';
    assert.deepEqual(JSON.parse(history.text), [
      {
        sequence: 1,
        at: run.started_at,
        actor,
        command: 'start',
        from: null,
        to: 'in_progress',
        accepted: true,
        reason: null,
        request_id: started.headers['x-request-id'],
      },
      {
        sequence: 2,
        at: pausedAt,
        actor,
        command: 'pause',
        from: 'in_progress',
        to: 'paused',
        accepted: true,
        reason: 'because',
        request_id: paused.headers['x-request-id'],
      },
    ]);
  });
});
