import type { Command } from 'commander';
import { transitionCommand } from './transition.ts';

export function addCancelCommand(program: Command) {
  transitionCommand(
    program,
    'cancel',
    'Cancel a run',
    '--reason "wrong plate" --json',
    (client, id, body, options) => client.cancelExperiment(id, body, options),
  );
}
