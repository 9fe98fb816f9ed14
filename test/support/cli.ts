/** Runs the command line as a user does: as a process of its own, in a folder of its own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { runProgram, startManager, type TestManager } from './manager.ts';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Cli {
  folder: string;
  /** Starts the program without waiting for its end. */
  spawn: (args: string[], env?: Record<string, string>) => ChildProcess;
  run: (args: string[], options?: { env?: Record<string, string>; input?: string }) => Promise<Ended>;
}

/** The command line in a new empty folder, with `env` for every command. What still runs after the test is killed. */
export async function createCli(t: TestContext, env: Record<string, string> = {}): Promise<Cli> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-'));
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) await kill(child);
    await rm(folder, { recursive: true, force: true });
  });
  const start: Cli['spawn'] = (args, more = {}) => {
    const child = runProgram(args, folder, { ...env, ...more });
    children.push(child);
    return child;
  };
  const run: Cli['run'] = async (args, { env: more, input = '' } = {}) => {
    const child = start(args, more);
    child.stdin?.end(input);
    return outcomeOf(child);
  };
  return { folder, spawn: start, run };
}

/** What a process printed and ended with. */
async function outcomeOf(child: ChildProcess): Promise<Ended> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the process has no pipes');
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), closed]);
  return { code, stdout: out, stderr: err };
}

async function kill(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** A manager for the time of the test, and a command line that finds it. */
export async function servedCli(t: TestContext): Promise<Cli & { manager: TestManager }> {
  const manager = await startManager();
  t.after(() => manager[Symbol.asyncDispose]());
  return { ...(await createCli(t, { EXPERIMENT_SERVER_URL: manager.url })), manager };
}
