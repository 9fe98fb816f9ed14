/** Starts a program of programs/ as a process of its own and talks with it. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { nodeOptions } from '../../../../test/support/manager.ts';

const pathOf = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));

export interface Program extends AsyncDisposable {
  /** Its next message; rejects when it ends without one. */
  next(): Promise<unknown>;
  tell(message: string): void;
  kill(): Promise<void>;
}

/** Starts the program, which talks by `process.send`. */
export function startProgram(name: string, args: string[]): Program {
  return talkWith(fork(pathOf(name), args, { execArgv: nodeOptions }), name);
}

/** The same below a shell: `exec "$@"` in the script becomes the program. */
export function startProgramIn(command: string[], name: string, args: string[]): Program {
  const [shell = '', ...rest] = command;
  const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc'];
  const child = spawn(shell, [...rest, process.execPath, ...nodeOptions, pathOf(name), ...args], { stdio });
  return talkWith(child, name);
}

function talkWith(child: ChildProcess, name: string): Program {
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  const ended = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const next = async () => {
    while (messages.length === 0) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
      }
      await Promise.race([once(child, 'message'), ended]);
    }
    return messages.shift();
  };
  return { next, tell: (message) => void child.send(message), kill, [Symbol.asyncDispose]: kill };
}
