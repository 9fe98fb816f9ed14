import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const maxOutputBytes = 64 * 1024 * 1024;

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds until the command is killed. */
  timeoutMs: number;
}

/**
 * Runs a program to its end and resolves to its standard output.
 * Rejects, with the command line and the end of its output, when it can't be started, fails or takes too long.
 */
export async function runCommand(
  program: string,
  parameters: readonly string[],
  { timeoutMs, ...options }: CommandOptions,
): Promise<string> {
  try {
    const { stdout } = await execute(program, parameters, {
      ...options,
      timeout: timeoutMs,
      maxBuffer: maxOutputBytes,
    });
    return stdout;
  } catch (error) {
    const { message, killed, stdout = '', stderr = '' } = error as Error & ExecutionOutput;
    const reason = killed
      ? `did not finish within ${timeoutMs / 1000} s`
      : `failed: ${message.split('\n')[0]}`;
    throw new Error(`${program} ${parameters.join(' ')} ${reason}\n${`${stdout}${stderr}`.slice(-4000)}`, {
      cause: error,
    });
  }
}

interface ExecutionOutput {
  killed?: boolean;
  stdout?: string;
  stderr?: string;
}
