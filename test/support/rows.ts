/** Endpoint tests as rows: a request, and everything that must and must not come of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryEntry, Status } from '@madsci-ts/protocol';
import { loadDocument, type DocumentCheck } from './documented.ts';
import { sendRaw, type RawReply } from './raw-http.ts';

export interface Row {
  name: string;
  /** The status of the new run that `{id}` in the path names. */
  run?: Exclude<Status, 'unknown'>;
  /** Method and path: `POST /experiment/{id}/pause`. */
  request: string;
  headers?: Record<string, string | null>;
  /** Sent as JSON; a text or bytes as they stand. */
  body?: unknown;
  status: number;
  /** Texts of the reply, headers (`name: value`, a line each) included. `{id}` is the run's id. */
  has?: string[];
  hasNot?: string[];
  /** What the run's history holds afterwards, as `command status`, refused ones as `command status refused`. */
  history?: string[];
}

const waysTo: Record<Exclude<Status, 'unknown'>, string | null> = {
  in_progress: null,
  paused: 'pause',
  completed: 'end',
  failed: 'fail',
  cancelled: 'cancel',
};

/** Starts a run and brings it into the status. */
export async function runIn(url: string, status: Exclude<Status, 'unknown'>): Promise<string> {
  const body = JSON.stringify({ experiment_design: { experiment_name: 'row' } });
  const started = await sendRaw(url, { method: 'POST', path: '/experiment', body });
  const { _id: id } = JSON.parse(started.text) as { _id: string };
  const way = waysTo[status];
  if (way !== null) await sendRaw(url, { method: 'POST', path: `/experiment/${id}/${way}` });
  return id;
}

/** The history of a run in the form of rows. */
export async function historyOf(url: string, id: string): Promise<string[]> {
  const { text } = await sendRaw(url, { method: 'GET', path: `/experiment/${id}/history` });
  return (JSON.parse(text) as HistoryEntry[]).map(
    ({ command, to, accepted }) => `${command} ${to}${accepted ? '' : ' refused'}`,
  );
}

const bytesOf = (body: unknown): string | Buffer =>
  typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);

/** Sends the row's request; the reply has been checked against everything but its history. */
async function send(url: string, row: Row, id: string, document: DocumentCheck): Promise<RawReply> {
  const [method = '', template = ''] = row.request.split(' ');
  const path = template.replaceAll('{id}', id);
  const reply = await sendRaw(url, {
    method,
    path,
    headers: row.headers ?? {},
    ...(row.body === undefined ? {} : { body: bytesOf(row.body) }),
  });
  const head = Object.entries(reply.headers).map(([name, value]) => `${name}: ${value}\n`);
  const shown = `${head.join('')}\n${reply.text}`;
  assert.equal(reply.status, row.status, shown);
  for (const text of row.has ?? []) {
    const wanted = text.replaceAll('{id}', id);
    assert.ok(shown.includes(wanted), `${wanted} is missing in:\n${shown}`);
  }
  for (const text of row.hasNot ?? []) assert.ok(!shown.includes(text), `${text} is in:\n${shown}`);
  if (method !== 'HEAD') assert.deepEqual(document.faults(method, path, reply), []);
  return reply;
}

/** Makes a test of each row. `url` is asked for when the tests run. */
export function testRows(url: () => string, rows: readonly Row[]) {
  let document: DocumentCheck | undefined;
  for (const row of rows) {
    test(row.name, async () => {
      document ??= await loadDocument(url());
      const id = row.run === undefined ? '' : await runIn(url(), row.run);
      await send(url(), row, id, document);
      if (row.history !== undefined) assert.deepEqual(await historyOf(url(), id), row.history);
    });
  }
}
