/**
 * Where our replies differ from the recorded ones on purpose: the heading of docs/deviations.md that says so, and what ours is. Written
 * out by hand from the promises of docs/deviations.md, not computed by the code that is tested.
 */
import type { JsonValue } from '@madsci-ts/protocol';
import type { Entry, Expected } from './support/corpus.ts';

export interface Deviation {
  documented: string;
  covers(entry: Entry): boolean;
  /** The reply in place of the recorded one. */
  reply(entry: Entry): Expected;
}

type Replies = Record<string, (entry: Entry) => Expected>;

/** Entries by name, each with its own reply. */
function named(documented: string, replies: Replies): Deviation {
  return {
    documented,
    covers: ({ name }) => Object.hasOwn(replies, name),
    reply: (entry) => replies[entry.name]?.(entry) ?? entry.response,
  };
}

const json = { 'content-type': 'application/json' };
const error = (status: number, detail: JsonValue, code: string): Expected => ({
  status,
  headers: json,
  body: { detail, code },
});
const fault = (type: string, loc: (string | number)[], input: JsonValue): Expected =>
  error(422, [{ type, loc, msg: '', input }], 'invalid_request');

/** The recorded reply with some fields of its run changed. */
const changed = ({ response }: Entry, fields: Record<string, JsonValue>): Expected => ({
  ...response,
  body: { ...(response.body as Record<string, JsonValue>), ...fields },
});

const refusals: Record<string, string[]> = {
  completed: ['continue', 'pause', 'cancel', 'fail'],
  failed: ['continue', 'pause', 'cancel'],
  cancelled: ['continue', 'pause', 'fail'],
};

/** `cancel from paused`, `get after end from failed`: who asked what in which status. */
const lifecycleName = /^(get after )?(end|continue|pause|cancel|fail) from (\w+)$/;
const setupName = /^setup (failed|cancelled) for (\w+)$/;

function lifecycleReply(entry: Entry): Expected {
  const setup = setupName.exec(entry.name);
  if (setup !== null) return changed(entry, { ended_at: '<datetime-naive>' });
  const [, isRead, command = '', from = ''] = lifecycleName.exec(entry.name) ?? [];
  const run = `l_${from}_${command}`;
  const wasFinal = Object.hasOwn(refusals, from);
  if (!wasFinal) {
    return changed(entry, { ended_at: isRead ? `<${run}.ended_at>` : '<datetime-naive>' });
  }
  if (!isRead && refusals[from]?.includes(command)) {
    const body = { detail: '<sentence>', code: 'transition_refused', status: from, version: 2, allowed: [] };
    return { status: 409, headers: json, body };
  }
  return changed(entry, { status: from, ended_at: `<${run}.ended_at>` });
}

const lifecycle: Deviation = {
  documented: 'The lifecycle of a run',
  covers: ({ name, upstream_fault: upstreamFault }) =>
    upstreamFault === 'd' && (lifecycleName.test(name) || setupName.test(name)),
  reply: lifecycleReply,
};

const outcomes = named('How a run ended', {
  'end?status=failed': (entry) => changed(entry, { status: 'failed' }),
  'end?status=cancelled': (entry) => changed(entry, { status: 'cancelled' }),
  'end?status=ExperimentStatus.FAILED': (entry) => changed(entry, { status: 'failed' }),
  'end?status=FAILED': () => fault('enum', ['query', 'status'], 'FAILED'),
  'end?status=paused': () => fault('enum', ['query', 'status'], 'paused'),
  'end?status=bogus': () => fault('enum', ['query', 'status'], 'bogus'),
});

const failedRun: Record<string, JsonValue> = { status: 'failed', ended_at: '<datetime-naive>' };
const bodies = named('Bodies of commands are read', {
  'continue with invalid json': () => fault('json_invalid', ['body', 1], {}),
  'cancel with text body': () => fault('model_attributes_type', ['body'], 'hello'),
  'continue?status=failed': (entry) => changed(entry, { status: 'in_progress', ended_at: null }),
  'fail with reason in the body': (entry) => changed(entry, failedRun),
  'setup after trailing slash': (entry) => changed(entry, failedRun),
});

const campaign = {
  campaign_id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  campaign_name: 'c',
  campaign_description: null,
  experiment_ids: null,
  ownership_info: {},
  created_at: '<datetime-naive>',
  ended_at: null,
};
const endpoints = named('More endpoints', {
  'campaign GET has no endpoint': () => error(404, 'Campaign not found', 'campaign_not_found'),
  'campaign POST has no endpoint': () => ({ status: 200, headers: json, body: campaign }),
  'campaigns list has no endpoint (the 0.8.1 client calls it)': () => ({
    status: 200,
    headers: json,
    body: [campaign],
  }),
  'settings has no endpoint before 0.7': () => ({ status: 200, headers: json }),
  'DELETE /experiment/{{exp1}}': (entry) => ({ ...entry.response, headers: { allow: 'GET, PATCH' } }),
  'POST /experiment/{{exp1}}': (entry) => ({ ...entry.response, headers: { allow: 'GET, PATCH' } }),
});

const design = ['body', 'experiment_design'];
const condition = (type: string) => [...design, 'resource_conditions', 0, type];
const surrogate = () => fault('string_unicode', [...design, 'experiment_name'], '\ud800');
const values = named('Values that cannot be kept are refused', {
  'lone surrogate': surrogate,
  'target_value above int64': () =>
    fault(
      'int_parsing_size',
      [...condition('resource_field_check'), 'target_value'],
      '1180591620717411303424',
    ),
  'target_value NaN': () => fault('json_invalid', ['body', 162], {}),
  'target_value NaN read back': () => error(404, 'Experiment not found', 'experiment_not_found'),
  'Infinity as the key': () => fault('json_invalid', ['body', 112], {}),
  'Infinity in an extra field': () => fault('json_invalid', ['body', 110], {}),
  'NaN where a string belongs: the 422 answer cannot be rendered': () =>
    fault('json_invalid', ['body', 40], {}),
  'target_value objects nested 300 deep': () =>
    fault('recursion_limit', [...condition('resource_field_check'), 'target_value', 'a', 'a'], null),
});

const stored = (conditions: JsonValue) => (): Expected => ({
  status: 200,
  headers: json,
  body: {
    _id: '<ulid>',
    status: 'in_progress',
    experiment_design: {
      experiment_name: 'corpus',
      experiment_description: null,
      resource_conditions: [conditions],
      ownership_info: { manager_id: '<manager_id>' },
    },
    ownership_info: { manager_id: '<manager_id>' },
    run_name: null,
    run_description: null,
    started_at: '<datetime-naive>',
    ended_at: null,
  },
});
const fieldCheck = (target: JsonValue) =>
  stored({
    condition_type: 'resource_field_check',
    condition_name: 'A Condition',
    resource_id: null,
    resource_name: null,
    field: 'f',
    operator: 'is_equal_to',
    target_value: target,
  });
const present = {
  condition_type: 'resource_present',
  condition_name: 'A Condition',
  location_id: null,
  location_name: null,
  key: 0,
  resource_class: null,
};
const anyJson = named('Any JSON is kept', {
  'dollar key inside target_value': fieldCheck({ $where: '1' }),
  'dotted key inside target_value': fieldCheck({ 'a.b': 1 }),
  'dollar key as an extra field of a condition': stored({ ...present, $inc: { x: 1 } }),
  'target_value an array inside an array': fieldCheck([[1]]),
});

const pageFault = (input: string, type: string) => () => fault(type, ['query', 'number'], input);
const pages = named('Pages of runs', {
  'list number=0': pageFault('0', 'greater_than_equal'),
  'list number=-1': pageFault('-1', 'greater_than_equal'),
  'list number=9223372036854775807': pageFault('9223372036854775807', 'less_than_equal'),
  'list number=9223372036854775808': pageFault('9223372036854775808', 'less_than_equal'),
  'list number=100000000000000000000000000': pageFault('100000000000000000000000000', 'less_than_equal'),
});

const noCors = { 'access-control-allow-origin': null };
const foreign = error(403, '<sentence>', 'foreign_origin');
const origins = named('Web pages of other sites', {
  '404 with Origin': ({ response }) => ({ ...response, headers: noCors }),
  'null Origin': ({ response }) => ({ ...response, headers: noCors }),
  'POST with Origin': () => foreign,
  '500 with Origin lacks the CORS header': () => foreign,
  'preflight without request headers': () => ({
    status: 400,
    headers: noCors,
    body: 'Disallowed CORS origin',
  }),
  'preflight does not count': () => ({ status: 400, headers: noCors, body: 'Disallowed CORS origin' }),
  '3rd request: 405 counts': ({ response }) => ({
    ...foreign,
    headers: { ...response.headers, ...noCors, allow: null },
  }),
  '5th request within the second: burst 429': ({ response }) => ({
    ...response,
    headers: { ...response.headers, ...noCors },
  }),
});

const slashes = named('Trailing slashes and HEAD', {
  'x-forwarded headers': () => ({
    ...error(405, 'Method Not Allowed', 'method_not_allowed'),
    headers: { allow: 'POST' },
  }),
  'action trailing slash': () => ({ status: 409 }),
  '/experiments/': () => ({ status: 200, headers: json }),
  'host header decides the location': () => ({ status: 200, headers: json }),
  '307 with Origin': () => ({ status: 200, headers: { ...json, ...noCors } }),
  'HEAD /experiment/{{exp1}}': () => ({ status: 200, headers: json, body: '' }),
  'HEAD /health': () => ({ status: 200, headers: json, body: '' }),
});

const proxies = named('Behind a proxy', {
  'x-forwarded-for from a local peer decides the client address': ({ response }) => ({
    ...response,
    headers: { ...json, 'x-ratelimit-limit': null },
  }),
});

export const deviations: Deviation[] = [
  lifecycle,
  outcomes,
  bodies,
  endpoints,
  values,
  anyJson,
  pages,
  origins,
  slashes,
  proxies,
];
