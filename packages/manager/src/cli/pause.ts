import type { Command } from 'commander';
import { transitionCommand } from './transition.ts';

export function addPauseCommand(program: Command) {
  transitionCommand(
    program,
    'pause',
    'Pause a run',
    '--reason "tip box empty"',
    (client, id, body, options) => client.pauseExperiment(id, body, options),
  );
}
