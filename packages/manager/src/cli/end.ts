import { finalStatuses, type FinalStatus } from '@madsci-ts/protocol';
import { Option, type Command } from 'commander';
import { note } from './output.ts';
import { transitionCommand, type TransitionFlags } from './transition.ts';

interface EndFlags extends TransitionFlags {
  status: FinalStatus;
}

/** A run that has ended otherwise answers an end with itself; that is said, but is no error. */
export function addEndCommand(program: Command) {
  transitionCommand<EndFlags>(
    program,
    'end',
    'End a run: completed, or as --status says',
    '--status failed --reason "no signal"',
    async (client, id, body, options, { status }) => {
      const run = await client.endExperiment(id, { ...body, status }, options);
      if (run.status !== status) note(`The run had ended before: it stays ${run.status}.`);
      return run;
    },
  ).addOption(new Option('--status <status>', 'how it ended').choices(finalStatuses).default('completed'));
}
