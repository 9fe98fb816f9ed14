/** What was asked of a manager and what it answered, and whether its runs and histories agree with that. */
import assert from 'node:assert/strict';
import {
  allowedCommands,
  isFinal,
  statuses,
  type Conflict,
  type Experiment,
  type Health,
  type HistoryEntry,
} from '@madsci-ts/protocol';
import { assertLegalOrder } from './legal-order.ts';

const requestTimeoutMs = 60_000;
const historyPage = 1000;

/** A request that changes something. Its token, unlike any other, stands in the run's name or in the command's reason. */
export interface Asked {
  token: string;
  command: HistoryEntry['command'];
  path: string;
  body: string;
  /** Idempotency-Key; without one the request is not repeated. */
  key?: string;
  /** The run that it is about; a start's is known once it is answered. */
  id?: string;
  /** Missing while no answer has come. */
  reply?: { status: number; text: string };
}

/** Sends the request and keeps the answer in it. Rejects where none comes. */
export async function ask(url: string, asked: Asked): Promise<void> {
  const { status, text } = await send(url, asked);
  assert.ok(status === 200 || status === 409, `${asked.path} answered ${status}: ${text}`);
  asked.reply = { status, text };
  if (asked.command === 'start') asked.id = (JSON.parse(text) as Experiment)._id;
}

export async function send(url: string, { command, path, body, key }: Asked) {
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const method = command === 'edit' ? 'PATCH' : 'POST';
  const signal = AbortSignal.timeout(requestTimeoutMs);
  const response = await fetch(`${url}${path}`, { method, headers, body, signal });
  return { status: response.status, text: await response.text() };
}

export async function read<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(requestTimeoutMs) });
  assert.equal(response.status, 200, path);
  return (await response.json()) as T;
}

/** Every page of a list, by its Link headers. */
export async function readAll<T>(url: string, path: string): Promise<T[]> {
  const rows: T[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const response: Response = await fetch(`${url}${next}`, {
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    assert.equal(response.status, 200, next);
    rows.push(...((await response.json()) as T[]));
    next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return rows;
}

/** Checks one run against all that was asked of it, answered or not. Resolves to the number of history entries. */
export async function auditRun(url: string, id: string, asked: readonly Asked[]): Promise<number> {
  const run = await read<Experiment>(url, `/experiment/${id}`);
  const history = await readAll<HistoryEntry>(url, `/experiment/${id}/history?number=${historyPage}`);
  assertLegalOrder(history, run);
  const known = new Set(asked.map(({ token }) => token));
  const byToken = new Map(history.slice(1).map((entry) => [entry.reason ?? '', entry]));
  assert.equal(byToken.size, history.length - 1, `no command of run ${id} is there twice`);
  for (const token of byToken.keys())
    assert.ok(known.has(token), `run ${id} has a command nobody gave: ${token}`);
  const accepted = history.filter((entry) => entry.accepted);
  for (const one of asked) {
    if (one.command === 'start') assert.equal(run.run_name, one.token);
    else if (one.reply !== undefined) auditReply(one, one.reply, byToken.get(one.token), accepted);
  }
  return history.length;
}

/** The history says of the command what its answer said. */
function auditReply(
  { token, command }: Asked,
  { status, text }: { status: number; text: string },
  entry: HistoryEntry | undefined,
  accepted: HistoryEntry[],
) {
  if (status === 409) {
    const refusal = JSON.parse(text) as Conflict;
    assert.equal(entry?.accepted, false, `${token} was refused: ${text}`);
    assert.equal(entry.from, refusal.status);
    assert.equal(typeof refusal.detail, 'string');
    assert.ok(refusal.version <= accepted.length);
    assert.deepEqual(refusal.allowed, allowedCommands(refusal.status));
    return;
  }
  const run = JSON.parse(text) as Experiment;
  const granted = command === 'edit' || run.status_reason === token;
  if (granted) {
    assert.deepEqual(accepted[run.version - 1], entry, `${token} was accepted as version ${run.version}`);
    assert.equal(entry?.to, run.status);
    return;
  }
  assert.notEqual(entry?.accepted, true, `${token} changed nothing by its answer`);
  if (entry !== undefined) assert.ok(command === 'end' && isFinal(run.status), 'only an end is declined');
}

/** The counters equal a recount of all runs, page by page; resolves to the runs. */
export async function auditCounts(url: string, pageSize: number): Promise<Experiment[]> {
  const runs = await readAll<Experiment>(url, `/experiments?number=${pageSize}`);
  const health = await read<Health>(url, '/health');
  assert.equal(health.total_experiments, runs.length, 'health counts the runs there are');
  assert.equal(new Set(runs.map(({ _id }) => _id)).size, runs.length);
  for (const status of statuses) {
    const count = runs.filter((run) => run.status === status).length;
    assert.equal(health.experiments_by_status?.[status], count, status);
  }
  return runs;
}
