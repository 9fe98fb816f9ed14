/** The servers that are compared, each in processes of its own, logging to a file as they would in a laboratory. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { startMadsci } from '../../test/support/madsci-server.ts';
import { cleanEnvironment, nodeOptions } from '../../test/support/manager.ts';
import { findFreePort, startServerProcess, waitUntilReady } from '../../test/support/server-process.ts';
import { operations, startBody, type Operation } from './operations.ts';
import type { Contestant } from './rounds.ts';
import { keepCopy, type StoreFile } from './sqlite-file.ts';

export interface Server extends Contestant {
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;
const host = '127.0.0.1';
const managerMain = fileURLToPath(new URL('../../packages/manager/src/main.ts', import.meta.url));
const ceilingMain = fileURLToPath(new URL('./ceiling.ts', import.meta.url));

/** What a start of our manager over a store file takes. */
export function managerProcess(folder: string, path: string, port: number) {
  return {
    name: 'our manager',
    program: process.execPath,
    parameters: [...nodeOptions, managerMain, 'serve'],
    cwd: folder,
    env: cleanEnvironment({
      NODE_ENV: 'production',
      EXPERIMENT_SERVER_URL: `http://${host}:${port}`,
      EXPERIMENT_DB_URL: `sqlite:${path}`,
      EXPERIMENT_LOG_FORMAT: 'json',
    }),
    logFile: join(folder, 'manager.log'),
  };
}

/**
 * Our manager over a store file.
 * @param large a file too large to be put back after each slice of writes: it keeps what was added
 */
export async function startOurs(
  name: string,
  folder: string,
  file: StoreFile,
  options: { large?: boolean } = {},
): Promise<Server> {
  await mkdir(folder, { recursive: true });
  const reload = options.large ? async () => undefined : await keepCopy(file.path);
  const port = await findFreePort();
  const url = `http://${host}:${port}`;
  const server = await startServerProcess(managerProcess(folder, file.path, port));
  await waitUntilReady(server, () => answers(url), startTimeoutMs);
  return { name, url, pids: [server.pid], ids: file.ids, reload, stop: server.stop };
}

/** The real MADSci 0.6.1 on FerretDB with so many runs. */
export async function startPeer(name: string, runs: number, env: Record<string, string>): Promise<Server> {
  const server = await startMadsci({ version: '0.6.1', env });
  const client = new MongoClient(server.mongoUrl);
  const stop = async () => {
    await client.close();
    await server.stop();
  };
  try {
    const ids: string[] = [];
    for (let run = 0; run < runs; run++) ids.push(await startRun(server.url));
    const collection = client.db('madsci_experiments').collection('experiments');
    const kept = await collection.find().toArray();
    const reload = async () => {
      await collection.deleteMany({});
      await collection.insertMany(kept);
    };
    return { name, url: server.url, pids: [server.pid, server.databasePid], ids, reload, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Bare Fastify with constant replies as long as another server's. */
export async function startCeiling(name: string, folder: string, model: Server): Promise<Server> {
  await mkdir(folder, { recursive: true });
  const replies = join(folder, 'replies.json');
  await writeFile(replies, JSON.stringify(await sampleReplies(model)));
  const port = await findFreePort();
  const url = `http://${host}:${port}`;
  const server = await startServerProcess({
    name: 'the ceiling',
    program: process.execPath,
    parameters: [...nodeOptions, ceilingMain, String(port), replies],
    cwd: folder,
    env: cleanEnvironment({ NODE_ENV: 'production' }),
    logFile: join(folder, 'ceiling.log'),
  });
  await waitUntilReady(server, () => answers(url), startTimeoutMs);
  const reload = () => Promise.resolve();
  return { name, url, pids: [server.pid], ids: model.ids, reload, stop: server.stop };
}

/** What a server replies to each operation. */
async function sampleReplies({ url, ids, reload }: Server): Promise<Record<Operation, string>> {
  const id = ids[0] ?? '';
  const start = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(startBody),
  };
  const asked: Record<Operation, [path: string, init?: RequestInit]> = {
    get: [`/experiment/${id}`],
    list: ['/experiments?number=10'],
    health: ['/health'],
    start: ['/experiment', start],
    lifecycle: [`/experiment/${id}/pause`, { method: 'POST' }],
  };
  const replies: Partial<Record<Operation, string>> = {};
  for (const operation of operations) {
    const [path, init] = asked[operation];
    replies[operation] = await (await fetch(url + path, init)).text();
  }
  await reload();
  return replies as Record<Operation, string>;
}

async function startRun(url: string): Promise<string> {
  const response = await fetch(`${url}/experiment`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(startBody),
  });
  if (!response.ok) throw new Error(`${url} refused a start: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { _id: string })._id;
}

/** Whether the server replies to GET /health with 200. */
export async function answers(url: string): Promise<boolean> {
  return (await fetch(`${url}/health`)).ok;
}
