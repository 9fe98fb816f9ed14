import { parseJson, type ExperimentDesignInput, type ExperimentStart } from '@madsci-ts/protocol';
import type { Command } from 'commander';
import { readDesign } from './design-file.ts';
import { InputError } from './exit-codes.ts';
import { printRun } from './run-view.ts';
import { clientCommand, clientFor, collect, type ClientFlags } from './shared.ts';

interface StartFlags extends ClientFlags {
  name?: string;
  runName?: string;
  description?: string;
  notes?: string;
  tag?: string[];
  parameter?: string[];
  idempotencyKey?: string;
}

export function addStartCommand(program: Command) {
  const command = clientCommand(program, 'start', 'Start a run of a design', [
    'start titration.yaml --run-name "first try" --parameter temperature=60 --tag gold',
    'start --name Titration --json | jq -r .experiment_id',
  ]);
  command
    .argument('[file]', 'the design, YAML or JSON (.json); - reads stdin as YAML')
    .option('--name <text>', 'name of the experiment, instead of a file or of the name in it')
    .option('--run-name <text>', 'name of this run')
    .option('--description <text>', 'what is special about this run')
    .option('--notes <text>', 'free text')
    .option('--tag <text>', 'a label; may be repeated', collect)
    .option('--parameter <name=value>', 'a value of the run, JSON or else text; may be repeated', collect)
    .option('--idempotency-key <key>', 'repeat an earlier call whose answer was lost: it is not done twice')
    .action(async (file: string | undefined, flags: StartFlags) => {
      if (file === undefined && flags.name === undefined) {
        command.error('error: give a design file or --name');
      }
      const body = toBody(file === undefined ? {} : await readDesign(file), flags);
      const { idempotencyKey } = flags;
      const options = idempotencyKey === undefined ? {} : { idempotencyKey };
      printRun(await clientFor(flags).startExperiment(body, options), flags.json);
    });
}

/** The design is checked by the manager, which names every fault. */
function toBody(design: Record<string, unknown>, flags: StartFlags): ExperimentStart {
  const named = flags.name === undefined ? design : { ...design, experiment_name: flags.name };
  return {
    experiment_design: named as ExperimentDesignInput,
    run_name: flags.runName ?? null,
    run_description: flags.description ?? null,
    ...(flags.notes === undefined ? {} : { notes: flags.notes }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.parameter === undefined
      ? {}
      : { parameters: Object.fromEntries(flags.parameter.map(readParameter)) }),
  };
}

function readParameter(pair: string): [string, unknown] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
  if (name === undefined || value === undefined) {
    throw new InputError(`--parameter ${pair} must be name=value, as in temperature=60`);
  }
  try {
    return [name, parseJson(value)];
  } catch {
    return [name, value];
  }
}
