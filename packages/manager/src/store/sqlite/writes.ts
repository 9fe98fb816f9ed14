/** The changes that the SQLite store makes. Each runs inside a transaction of the writer, perhaps more than once. */
import type { DatabaseSync } from 'node:sqlite';
import type { Experiment } from '@madsci-ts/protocol';
import {
  edited,
  moved,
  type CampaignWrite,
  type CommandWrite,
  type EditWrite,
  type Outcome,
  type StartWrite,
} from '../store.ts';
import { createCampaignTable } from './campaign-table.ts';
import { createCounters, type Counters } from './counters.ts';
import { createHistory, type History, type Step } from './history.ts';
import { createOutboxTable, type OutboxTable } from './outbox-table.ts';
import { createRemembered, type Remembered } from './remembered.ts';
import { createRunTable, type RunTable, type StoredRun } from './run-table.ts';

export function createWrites(database: DatabaseSync) {
  const remembered = createRemembered(database);
  const counters = createCounters(database);
  const campaigns = createCampaignTable(database);
  const outbox = createOutboxTable(database, counters);
  const runs = createRunWrites(database, counters, remembered, outbox);
  return {
    before: counters.before,
    settle: counters.settle,
    start: (write: StartWrite) => remembered.once(write.once, () => runs.start(write)),
    command: (write: CommandWrite) => remembered.once(write.once, () => runs.command(write)),
    edit: (write: EditWrite) => remembered.once(write.once, () => runs.edit(write)),
    putCampaign: (write: CampaignWrite) => remembered.once(write.once, () => campaigns.put(write)),
    dropEvents: outbox.drop,
    forgetUndelivered: remembered.forgetUndelivered,
    dropOnce: remembered.drop,
  };
}

function createRunWrites(
  database: DatabaseSync,
  counters: Counters,
  remembered: Remembered,
  outbox: OutboxTable,
) {
  const runs = createRunTable(database);
  const history = createHistory(database);
  const { decline, refuse, accept } = createSteps(runs, history);

  return {
    start(write: StartWrite): Outcome {
      const { run } = write;
      const text = JSON.stringify(run);
      const position = runs.insert(run, write.at, text);
      const step: Step = { command: 'start', from: null, to: run.status, accepted: true };
      outbox.add(history.note(position, 1, write, step), write.event, write.at, text);
      counters.count(run.status, 1);
      remembered.awaitDelivery(write);
      return { kind: 'done', text };
    },

    command(write: CommandWrite): Outcome {
      const found = runs.find(write.id);
      if (found === undefined) return { kind: 'missing' };
      const { status: from, version } = found.run;
      const step: Step = { command: write.command, from, to: write.target, accepted: false };
      if (isOutdated(write, version)) return refuse(found, write, step, 'version');
      const move = write.moves[from];
      if (move === 'refused') return refuse(found, write, step, 'status');
      if (move === 'declined') decline(found, write, step);
      if (move === 'declined' || move === 'same') return { kind: 'done', text: found.text };
      const { text, place } = accept(found, moved(found.run, move, write), write, write.command);
      counters.count(from, -1);
      counters.count(move, 1);
      outbox.add(place, write.event, write.at, text);
      return { kind: 'done', text };
    },

    edit(write: EditWrite): Outcome {
      const found = runs.find(write.id);
      if (found === undefined) return { kind: 'missing' };
      const { status, version } = found.run;
      const step: Step = { command: 'edit', from: status, to: status, accepted: false };
      if (isOutdated(write, version)) return refuse(found, write, step, 'version');
      return { kind: 'done', text: accept(found, edited(found.run, write), write, 'edit').text };
    },
  };
}

/** The three ways in which a change of a run can end, each with its entry in the history. */
function createSteps(runs: RunTable, history: History) {
  /** Keeps a wish that was not granted. */
  function decline(found: StoredRun, write: CommandWrite | EditWrite, step: Step) {
    history.note(found.position, found.entries + 1, write, step);
    runs.countEntry(found);
  }

  function refuse(
    found: StoredRun,
    write: CommandWrite | EditWrite,
    step: Step,
    because: 'status' | 'version',
  ): Outcome {
    decline(found, write, step);
    const { status, version } = found.run;
    return { kind: 'refused', because, status, version };
  }

  /** Stores the changed run with its history entry. */
  function accept(
    found: StoredRun,
    run: Experiment,
    write: CommandWrite | EditWrite,
    command: Step['command'],
  ) {
    const text = JSON.stringify(run);
    runs.update(found, run, text);
    const step: Step = { command, from: found.run.status, to: run.status, accepted: true };
    return { text, place: history.note(found.position, found.entries + 1, write, step) };
  }

  return { decline, refuse, accept };
}

function isOutdated({ expectedVersion }: CommandWrite | EditWrite, version: number): boolean {
  return expectedVersion !== undefined && expectedVersion !== version;
}
