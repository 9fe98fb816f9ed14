import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureVenv } from './python.ts';
import type { MadsciVersion } from './python.ts';
import { findFreePort, startServerProcess, waitUntilReady } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';
import { ensureFerretDb } from './tools.ts';

export interface MadsciOptions {
  version: MadsciVersion;
  /** Default: a free one. */
  port?: number;
  /** Added to the server's environment, over what is set here. */
  env?: Record<string, string>;
  /** A database server that runs already and keeps running. Default: an empty one of its own. */
  mongoUrl?: string;
}

export interface MadsciServer {
  /** Without a trailing slash. */
  url: string;
  mongoUrl: string;
  /** Process id of the Experiment Manager. */
  pid: number;
  /** Process id of its own database server; 0 where it was given one. */
  databasePid: number;
  /** The environment that the Experiment Manager runs in. */
  env: Record<string, string>;
  /** Ends the Experiment Manager alone, so that another one may use its database. */
  stopManager(): Promise<void>;
  /** Ends both servers and removes their data. May be called twice. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;
const host = '127.0.0.1';
const inheritedNames = ['PATH', 'LANG', 'TZ', 'TMPDIR'];

/**
 * Starts the real MADSci Experiment Manager over an empty FerretDB, both on the loopback interface alone, in a folder
 * of their own, and waits until it answers. It ends with this process at the latest.
 * Rejects, with the end of its log, when it does not come up.
 */
export async function startMadsci(options: MadsciOptions): Promise<MadsciServer> {
  const [venv, ferretDb] = await Promise.all([ensureVenv(options.version), ensureFerretDb()]);
  const folder = await mkdtemp(join(tmpdir(), 'madsci-'));
  const started: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const server of started.toReversed()) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const mongoPort = await findFreePort();
    const given = options.mongoUrl;
    const database =
      given === undefined ? await startDatabase(ferretDb, folder, mongoPort, started) : undefined;
    const port = options.port || (await findFreePort());
    const url = `http://${host}:${port}`;
    const mongoUrl = given ?? `mongodb://${host}:${mongoPort}`;
    const env = { ...managerEnvironment(folder, url, mongoUrl), ...options.env };
    const manager = await startManager(venv.python, folder, env, url, started);
    const stopManager = () => manager.stop();
    return { url, mongoUrl, pid: manager.pid, databasePid: database?.pid ?? 0, env, stopManager, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startDatabase(
  program: string,
  folder: string,
  port: number,
  started: ServerProcess[],
): Promise<ServerProcess> {
  const data = join(folder, 'ferretdb');
  await mkdir(data);
  const server = await startServerProcess({
    name: 'FerretDB',
    program,
    parameters: ['-listen', `${host}:${port}`, '-sqlite', `file:${data}/`],
    cwd: folder,
    env: { ...inheritedEnvironment(), DO_NOT_TRACK: '1' },
    logFile: join(folder, 'ferretdb.log'),
  });
  started.push(server);
  await waitUntilReady(server, () => acceptsConnections(port), startTimeoutMs);
  return server;
}

async function startManager(
  python: string,
  folder: string,
  env: Record<string, string>,
  url: string,
  started: ServerProcess[],
): Promise<ServerProcess> {
  const server = await startServerProcess({
    name: 'the MADSci Experiment Manager',
    program: python,
    parameters: ['-m', 'madsci.experiment_manager.experiment_server'],
    cwd: folder,
    env,
    logFile: join(folder, 'manager.log'),
  });
  started.push(server);
  await waitUntilReady(server, () => isHealthy(url), startTimeoutMs);
  return server;
}

function inheritedEnvironment(): Record<string, string> {
  const pairs = inheritedNames.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** Its home is its own folder: it finds no settings there and leaves nothing outside. No event server, no telemetry. */
function managerEnvironment(folder: string, url: string, mongoUrl: string): Record<string, string> {
  return {
    ...inheritedEnvironment(),
    HOME: folder,
    EXPERIMENT_SERVER_URL: `${url}/`,
    EXPERIMENT_DB_URL: mongoUrl,
    EXPERIMENT_OTEL_ENABLED: 'false',
    EVENT_CLIENT_OTEL_ENABLED: 'false',
  };
}

async function acceptsConnections(port: number): Promise<boolean> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(startTimeoutMs) });
  const health = (await response.json()) as { healthy?: boolean };
  return health.healthy === true;
}
