/** Starts our manager as a user does: as a process of its own, on a free port, over a throw-away folder. */
import { spawn, type ChildProcess } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../packages/manager/src/main.ts', import.meta.url));

/** Options of node under which the sources run. */
export const nodeOptions = ['--conditions=@madsci-ts/source', '--disable-warning=ExperimentalWarning'];

/** How long a start may take on a busy machine. */
const startTimeoutMs = 60_000;

export interface ManagerOptions {
  /** Settings by their environment names. */
  env?: Record<string, string>;
  /** Folder to run in; a new one is made and removed afterwards where none is given. */
  dataDir?: string;
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

export interface TestManager extends AsyncDisposable {
  url: string;
  dataDir: string;
  pid: number;
  /** What it has written to standard error so far. */
  stderr(): string;
  /** Sends the signal (default SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

/** The environment without settings of the person who runs the tests. */
export function cleanEnvironment(env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const foreign = /^(EXPERIMENT_|MONGO_DB_URL|DB_URL|DOCUMENT_DB_URL|RATE_LIMIT|[A-Z]+_SERVER_URL$)/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(kept), ...env };
}

/** With TEST_DB_URL in the environment managers keep their runs there instead of in SQLite: in a database of its own for each folder. */
function databaseFor(dataDir: string): Record<string, string> {
  const url = process.env['TEST_DB_URL'];
  if (url === undefined) return {};
  return { EXPERIMENT_DB_URL: url, EXPERIMENT_DATABASE_NAME: `lab_${hash('sha1', dataDir).slice(0, 20)}` };
}

/** Runs the command line program; the caller waits for what it does. */
export function runProgram(args: string[], cwd: string, env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [...nodeOptions, main, ...args], { cwd, env: cleanEnvironment(env) });
}

export async function startManager(options: ManagerOptions = {}): Promise<TestManager> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'manager-')));
  const env = {
    EXPERIMENT_SERVER_URL: 'http://127.0.0.1:0',
    EXPERIMENT_LOG_FORMAT: 'json',
    ...databaseFor(dataDir),
    ...options.env,
  };
  const child = runProgram(['serve'], dataDir, env);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout?.resume();
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const end = await ended;
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    return end;
  };
  const url = await readyUrl(child, () => stderr, ended);
  const dispose = async () => void (await stop('SIGKILL'));
  return { url, dataDir, pid: child.pid ?? 0, stderr: () => stderr, stop, [Symbol.asyncDispose]: dispose };
}

/** The URL that the manager logs once it is ready. */
function readyUrl(child: ChildProcess, stderr: () => string, ended: Promise<Ended>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`The manager was not ready in time. It said:\n${stderr()}`));
    }, startTimeoutMs);
    const look = () => {
      const url = /"url":"(http[^"]+)"[^\n]*is ready/.exec(stderr())?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stderr?.on('data', look);
    void ended.then(({ code }) => {
      clearTimeout(timer);
      reject(new Error(`The manager ended with code ${code}. It said:\n${stderr()}`));
    });
  });
}
