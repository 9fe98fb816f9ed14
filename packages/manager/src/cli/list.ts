import { maxPageSize, statuses, type Status } from '@madsci-ts/protocol';
import { Option, type Command } from 'commander';
import { note, printJson, printJsonArray } from './output.ts';
import { printRuns } from './run-view.ts';
import { clientCommand, clientFor, wholeNumber, type ClientFlags } from './shared.ts';

interface ListFlags extends ClientFlags {
  status?: Status;
  number: number;
  all?: boolean;
}

export function addListCommand(program: Command) {
  clientCommand(program, 'list', 'List runs, latest start first', [
    'list',
    'list --status in_progress --number 50',
    'list --all --json > runs.json',
  ])
    .addOption(new Option('--status <status>', 'only runs in this status').choices(statuses))
    .option('--number <number>', 'most runs to list', wholeNumber(1, maxPageSize), 10)
    .option('--all', 'list all runs')
    .action(list);
}

async function list(flags: ListFlags) {
  const { status, number, all, json } = flags;
  const client = clientFor(flags);
  if (all) {
    const runs = client.experiments({ status, pageSize: 1000 });
    return json ? printJsonArray(runs) : printRuns(await Array.fromAsync(runs));
  }
  const { items, next } = await client.getExperiments({ status, number });
  if (json) printJson(items);
  else if (items.length === 0) note('No run found.');
  else printRuns(items);
  if (next !== undefined && !json) note(`There are more; --number or --all lists them.`);
}
