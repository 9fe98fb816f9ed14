/** A server that answers as a test scripts it, and keeps what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Experiment } from '@madsci-ts/protocol';
import { ExperimentClient, type ExperimentClientOptions } from '@madsci-ts/client';

interface Asked {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Answers a request; `count` is 1 for the first. */
export type Answer = (response: ServerResponse, asked: Asked, count: number) => void;

export interface FakeManager {
  url: string;
  asked: Asked[];
  client: (options?: Partial<ExperimentClientOptions>) => ExperimentClient;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Listens on a free port until the test is over. */
export async function fakeManager(t: TestContext, answer: Answer): Promise<FakeManager> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const take = async () => {
      const one = { method, url, headers, body: await readBody(request) };
      answer(response, one, asked.push(one));
    };
    void take();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, client: (options) => new ExperimentClient({ url, ...options }) };
}

/** Answers with JSON; text is sent as it is. */
export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export const id = '01KABC0000000000000000000A';

export function run(fields: Partial<Experiment> = {}): Experiment {
  return {
    _id: id,
    status: 'in_progress',
    experiment_design: null,
    ownership_info: {},
    run_name: null,
    run_description: null,
    started_at: '2026-01-20T10:00:00.000Z',
    ended_at: null,
    experiment_id: id,
    requested_status: null,
    experiment_design_id: null,
    parameters: {},
    outcome: {},
    tags: [],
    notes: null,
    updated_at: '2026-01-20T10:00:00.000Z',
    status_reason: null,
    actor: null,
    parent_experiment_id: null,
    lease: null,
    version: 1,
    ...fields,
  };
}
