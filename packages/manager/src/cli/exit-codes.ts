/** What the command line ends with, and the sentence it ends on. */
import { isExperimentClientError, type ExperimentClientError } from '@madsci-ts/client';
import { CommanderError } from 'commander';
import { styleText } from 'node:util';

/** Exit codes: scripts rely on them. 130 comes from a second Ctrl-C while `serve` stops. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, notFound: 3, refused: 4, noAnswer: 5 } as const;

export const exitCodesHelp = `
Exit codes:
  0  done
  1  failed: a setting, a file or a value is wrong, or the manager had an error
  2  the command line was not understood
  3  there is no such run or campaign
  4  the run does not allow it, or has another version than expected (409)
  5  no answer, too late, or the manager is too busy; repeating may help`;

/** Says on stderr what went wrong, in a sentence where the cause is outside of this program; returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const label = styleText('red', 'error:', { stream: process.stderr });
  process.stderr.write(`${label} ${explain(error)}\n`);
  return isExperimentClientError(error) ? codeFor(error) : exitCodes.failed;
}

function codeFor(error: ExperimentClientError): number {
  switch (error.name) {
    case 'RefusedError':
      if (error.status === 404) return exitCodes.notFound;
      if (error.status === 409) return exitCodes.refused;
      return [408, 429, 503].includes(error.status) ? exitCodes.noAnswer : exitCodes.failed;
    case 'NoAnswerError':
    case 'TooLateError':
      return exitCodes.noAnswer;
    case 'NotUnderstoodError':
    case 'StatusNeverReachedError':
      return exitCodes.failed;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isExperimentClientError(error)) {
    return error.name === 'RefusedError' ? `${error.message}\n${error.advice}.` : error.message;
  }
  if (isExpected(error)) return error.message;
  return `This is a fault of the program, please report it.\n${error.stack ?? error.message}`;
}

const expectedNames = ['SettingsError', 'DefinitionError', 'StoreError', 'StartError', 'InputError'];

/** Whether the message alone tells the operator what to do: it says so, or it comes from the operating system. */
function isExpected(error: Error): boolean {
  const marked = 'expected' in error && error.expected === true;
  return marked || expectedNames.includes(error.name) || 'syscall' in error;
}

/** Something the user gave cannot be used; the message is one sentence. */
export class InputError extends Error {
  override readonly name = 'InputError';
}
