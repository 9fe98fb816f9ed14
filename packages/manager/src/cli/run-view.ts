/** How a run is shown to people. */
import { allowedCommands, type Experiment } from '@madsci-ts/protocol';
import { coloured, plain, printFields, printJson, printTable } from './output.ts';
import { showAge, showTime, showTimeAndAge } from './times.ts';

const maxFieldCharacters = 1000;
const field = (value: unknown) => plain(value, maxFieldCharacters);
const values = (record: Record<string, unknown>) =>
  Object.entries(record)
    .map(([name, value]) => `${field(name)} = ${field(value)}`)
    .join('\n');

export function printRuns(runs: Experiment[]) {
  const rows = runs.map((run) => [
    run._id,
    coloured(run.status),
    plain(run.experiment_design?.experiment_name),
    plain(run.run_name),
    showTime(run.started_at),
    showAge(run.started_at),
  ]);
  printTable(['ID', 'STATUS', 'EXPERIMENT', 'RUN', 'STARTED', ''], rows);
}

/** One run in full, or as JSON. */
export function printRun(run: Experiment, json: boolean | undefined) {
  if (json) return printJson(run);
  printFields({
    Run: run._id,
    Status: coloured(run.status),
    Requested: run.requested_status ?? '',
    Experiment: field(run.experiment_design?.experiment_name),
    'About it': field(run.experiment_design?.experiment_description),
    Name: field(run.run_name),
    Description: field(run.run_description),
    Started: showTimeAndAge(run.started_at),
    Ended: showTimeAndAge(run.ended_at),
    Reason: field(run.status_reason),
    Actor: field(run.actor),
    Tags: run.tags.map(field).join(', '),
    Notes: field(run.notes),
    Parameters: values(run.parameters),
    Outcome: values(run.outcome),
    Owner: values(run.ownership_info),
    'Repeats run': run.parent_experiment_id ?? '',
    Version: String(run.version),
    Allows: allowedCommands(run.status).join(', '),
  });
}
