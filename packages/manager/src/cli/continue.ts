import type { Command } from 'commander';
import { transitionCommand } from './transition.ts';

export function addContinueCommand(program: Command) {
  transitionCommand(
    program,
    'continue',
    'Continue a paused run',
    '--expected-version 2',
    (client, id, body, options) => client.continueExperiment(id, body, options),
  );
}
