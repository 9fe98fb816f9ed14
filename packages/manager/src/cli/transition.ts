/** What the five lifecycle commands have in common. */
import type { ExperimentClient, WriteOptions } from '@madsci-ts/client';
import type { CommandBody, Experiment } from '@madsci-ts/protocol';
import type { Command } from 'commander';
import { printRun } from './run-view.ts';
import { clientCommand, clientFor, wholeNumber, type ClientFlags } from './shared.ts';

export interface TransitionFlags extends ClientFlags {
  reason?: string;
  expectedVersion?: number;
  idempotencyKey?: string;
}

export type Send<F> = (
  client: ExperimentClient,
  id: string,
  body: CommandBody,
  options: WriteOptions,
  flags: F,
) => Promise<Experiment>;

/** Adds a command that moves a run and prints it. */
export function transitionCommand<F extends TransitionFlags>(
  program: Command,
  name: string,
  description: string,
  example: string,
  send: Send<F>,
): Command {
  return clientCommand(program, name, description, [
    `${name} 01KABC0000000000000000000A`,
    `${name} 01KABC0000000000000000000A ${example}`,
  ])
    .argument('<id>', 'id of the run')
    .option('--reason <text>', 'why; kept in the history')
    .option(
      '--expected-version <number>',
      'do it only if the run still has this version',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--idempotency-key <key>', 'repeat an earlier call whose answer was lost: it is not done twice')
    .action(async (id: string, flags: F) => {
      const { reason, expectedVersion, idempotencyKey } = flags;
      const body = {
        ...(reason === undefined ? {} : { reason }),
        ...(expectedVersion === undefined ? {} : { expected_version: expectedVersion }),
      };
      const options = idempotencyKey === undefined ? {} : { idempotencyKey };
      printRun(await send(clientFor(flags), id, body, options, flags), flags.json);
    });
}
