import type { ExperimentClient } from '@madsci-ts/client';
import { isFinal, statuses, type Experiment, type HistoryEntry } from '@madsci-ts/protocol';
import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { coloured, plain, printJsonLine } from './output.ts';
import { clientCommand, clientFor, seconds, type ClientFlags } from './shared.ts';
import { showTime } from './times.ts';

interface WatchFlags extends ClientFlags {
  interval: number;
}

/** Latest runs looked at on every round, beside those known to be active. */
const latestRuns = 100;

export function addWatchCommand(program: Command) {
  clientCommand(
    program,
    'watch',
    'Print changes as they come: of one run until it has ended, or of all until Ctrl-C',
    ['watch 01KABC0000000000000000000A', 'watch --json | jq -c "{_id, status}"'],
  )
    .argument('[id]', 'id of a run: prints its history entries; without: runs, as they change')
    .option('--interval <seconds>', 'time between two looks', seconds, 1)
    .action(async (id: string | undefined, flags: WatchFlags) => {
      const client = clientFor(flags);
      if (id === undefined) await watchAll(client, flags);
      else await watchOne(client, id, flags);
    });
}

async function watchOne(client: ExperimentClient, id: string, { interval, json }: WatchFlags) {
  const print = json ? printJsonLine : printEntry;
  let cursor: string | undefined;
  let last = 0;
  for (;;) {
    // The run first: so the entry that made it final is among those read after it.
    const run = await client.getExperiment(id);
    for (let more = true; more;) {
      const { items, next } = await client.getHistory(id, { cursor });
      const news = items.filter(({ sequence }) => sequence > last);
      for (const entry of news) print(entry);
      last = news.at(-1)?.sequence ?? last;
      more = next !== undefined;
      cursor = next ?? cursor;
    }
    if (isFinal(run.status)) return;
    await sleep(interval * 1000);
  }
}

function printEntry({ at, command, to, accepted, actor, reason }: HistoryEntry) {
  const words = [
    showTime(at),
    command,
    accepted ? coloured(to) : 'refused',
    plain(actor),
    plain(reason, 200),
  ];
  process.stdout.write(`${words.filter((word) => word !== '').join('  ')}\n`);
}

async function watchAll(client: ExperimentClient, { interval, json }: WatchFlags) {
  const print = json ? printJsonLine : printRunLine;
  let known = new Map<string, Experiment>();
  for (let round = 0; ; round++) {
    const found = await look(client, known);
    for (const run of [...found.values()].toReversed()) {
      const isNews = round === 0 ? !isFinal(run.status) : known.get(run._id)?.version !== run.version;
      if (isNews) print(run);
    }
    known = found;
    await sleep(interval * 1000);
  }
}

/** The latest runs, all active ones, and those that were active at the last look. */
async function look(
  client: ExperimentClient,
  known: Map<string, Experiment>,
): Promise<Map<string, Experiment>> {
  const { items } = await client.getExperiments({ number: latestRuns });
  const found = new Map(items.map((run) => [run._id, run]));
  for (const status of statuses.filter((one) => !isFinal(one))) {
    for await (const run of client.experiments({ status, pageSize: 1000 })) found.set(run._id, run);
  }
  for (const run of known.values()) {
    if (!isFinal(run.status) && !found.has(run._id)) found.set(run._id, await client.getExperiment(run._id));
  }
  return found;
}

function printRunLine(run: Experiment) {
  const name = plain(run.run_name ?? run.experiment_design?.experiment_name);
  const words = [
    showTime(run.updated_at),
    run._id,
    coloured(run.status),
    name,
    plain(run.status_reason, 200),
  ];
  process.stdout.write(`${words.filter((word) => word !== '').join('  ')}\n`);
}
