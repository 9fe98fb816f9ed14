import type { Command } from 'commander';
import { transitionCommand } from './transition.ts';

export function addFailCommand(program: Command) {
  transitionCommand(
    program,
    'fail',
    'End a run as failed',
    '--reason "gripper lost the plate"',
    (client, id, body, options) => client.failExperiment(id, body, options),
  );
}
