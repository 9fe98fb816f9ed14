import type { Command } from 'commander';
import { printRun } from './run-view.ts';
import { clientCommand, clientFor, type ClientFlags } from './shared.ts';

export function addShowCommand(program: Command) {
  clientCommand(program, 'show', 'Show a run', [
    'show 01KABC0000000000000000000A',
    'show 01KABC0000000000000000000A --json | jq -r .status',
  ])
    .argument('<id>', 'id of the run')
    .action(async (id: string, flags: ClientFlags) => {
      printRun(await clientFor(flags).getExperiment(id), flags.json);
    });
}
