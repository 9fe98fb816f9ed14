/** A MongoDB-wire server for a test: FerretDB over an empty folder. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { findFreePort, startServerProcess, waitUntilReady, type ServerProcess } from './server-process.ts';
import { ensureFerretDb } from './tools.ts';

const host = '127.0.0.1';
const startTimeoutMs = 60_000;

export interface FerretDb extends AsyncDisposable {
  /** mongodb://host:port, without a database. */
  url: string;
  /** Removes a database. */
  drop(database: string): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
  /** Starts it again over its data, after a SIGKILL. */
  restart(): Promise<void>;
  /** Ends it and removes its data. May be called twice. */
  stop(): Promise<void>;
}

/** It ends with this process at the latest. Rejects, with the end of its log, when it does not come up. */
export async function startFerretDb(): Promise<FerretDb> {
  const program = await ensureFerretDb();
  const folder = await mkdtemp(join(tmpdir(), 'ferretdb-'));
  await mkdir(join(folder, 'data'));
  const port = await findFreePort();
  let server = await start(program, folder, port);
  const url = `mongodb://${host}:${port}`;
  const stop = async () => {
    if (!server.ended) process.kill(server.pid, 'SIGCONT');
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    url,
    drop: async (database) => {
      await using client = new MongoClient(url);
      await client.db(database).dropDatabase();
    },
    signal: (signal) => void process.kill(server.pid, signal),
    restart: async () => {
      await server.stop();
      server = await start(program, folder, port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function start(program: string, folder: string, port: number): Promise<ServerProcess> {
  const server = await startServerProcess({
    name: 'FerretDB',
    program,
    parameters: ['-listen', `${host}:${port}`, '-sqlite', `file:${folder}/data/`],
    cwd: folder,
    env: { ...process.env, DO_NOT_TRACK: '1' },
    logFile: join(folder, 'ferretdb.log'),
  });
  await waitUntilReady(server, () => accepts(port), startTimeoutMs);
  return server;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.destroy();
  return true;
}
