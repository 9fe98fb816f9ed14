import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 50;

export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
  /** Whether the process has ended, wanted or not. */
  readonly ended: boolean;
  /** The end of what it printed. */
  readLog(): Promise<string>;
  /** Asks it to end with SIGTERM and insists with SIGKILL after 10 s. Harmless when it has ended. */
  stop(): Promise<void>;
}

export interface ServerProcessOptions {
  name: string;
  program: string;
  parameters: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** File that takes what it prints. */
  logFile: string;
}

// The server replaces this shell and so keeps its process id. A watcher beside it holds the reading end of a pipe from
// us: when we are gone, however that came, the pipe ends and the watcher ends the server.
const tiedToUs = '{ cat <&3; kill -KILL $$; } >/dev/null 2>&1 & exec "$@" 3<&-';
const patienceMs = 10_000;

/** A TCP port of the loopback interface that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

/** Starts a server that never outlives this process. Rejects when the program can't be started. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { name, program, parameters, cwd, env, logFile } = options;
  const log = await open(logFile, 'a');
  const child = spawn('sh', ['-c', tiedToUs, 'sh', program, ...parameters], {
    cwd,
    env,
    stdio: ['ignore', log.fd, log.fd, 'pipe'],
  });
  try {
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  child.once('exit', () => child.stdio[3]?.destroy());
  return {
    name,
    pid: child.pid ?? 0,
    get ended() {
      return hasEnded();
    },
    readLog: async () => (await readFile(logFile, 'utf8')).slice(-4000),
    stop: async () => {
      if (!hasEnded()) await end(child);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  const insist = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  child.kill('SIGTERM');
  await exit;
  clearTimeout(insist);
}

/**
 * Waits until `isReady` resolves to true; what it throws counts as not yet.
 * Rejects, with the end of the server's log, when the server ends first or `timeoutMs` pass.
 */
export async function waitUntilReady(
  server: ServerProcess,
  isReady: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isReady().catch(() => false))) {
    const reason = server.ended
      ? 'ended before it was ready'
      : performance.now() > deadline && `was not ready within ${timeoutMs / 1000} s`;
    if (reason) throw new Error(`${server.name} ${reason}; the end of its log:\n${await server.readLog()}`);
    await delay(pollMs);
  }
}
