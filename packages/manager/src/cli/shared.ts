/** What the commands that talk to a running manager have in common. */
import { ExperimentClient } from '@madsci-ts/client';
import { InvalidArgumentError, type Command } from 'commander';
import { loadSettings } from '../settings/index.ts';
import { InputError } from './exit-codes.ts';

export interface ClientFlags {
  url?: string;
  timeout: number;
  json?: boolean;
}

/** A whole number from `min` to `max`, as a parser of option values. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Seconds, fractions allowed, as a parser of option values. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('It must be a number of seconds above 0 and up to 86400.');
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A command that talks to a running manager; `examples` are shown by --help. */
export function clientCommand(
  program: Command,
  name: string,
  description: string,
  examples: string[],
): Command {
  return withExamples(program, name, description, examples)
    .option('--url <url>', 'where the manager is (default: server_url of the settings)')
    .option('--timeout <seconds>', 'give up after so many seconds, retries included', seconds, 30)
    .option('--json', 'print JSON');
}

export function withExamples(
  program: Command,
  name: string,
  description: string,
  examples: string[],
): Command {
  const lines = examples.map((example) => `  $ ${program.name()} ${example}`);
  return program
    .command(name)
    .description(description)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/**
 * The client that the flags ask for. Numbers keep their spelling, so that `--json` prints what the manager sent.
 *
 * @throws InputError where the URL cannot be used
 */
export function clientFor(flags: ClientFlags): ExperimentClient {
  const url = flags.url ?? loadSettings().settings.server_url;
  try {
    return new ExperimentClient({ url, timeoutMs: flags.timeout * 1000, keepNumberSpelling: true });
  } catch (error) {
    throw new InputError((error as Error).message, { cause: error });
  }
}
