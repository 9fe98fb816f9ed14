/** Writes as the domain makes them, and what a store holds, read through its own pages. */
import {
  movesOf,
  parseJson,
  type Command,
  type Experiment,
  type FinalStatus,
  type HistoryEntry,
  type Status,
} from '@madsci-ts/protocol';
import { ulid } from 'ulid';
import assert from 'node:assert/strict';
import type {
  Attribution,
  CommandWrite,
  EditWrite,
  Outcome,
  StartWrite,
  Store,
} from '../../src/store/store.ts';

const epoch = Date.parse('2026-01-01T00:00:00.000Z');
let ticks = 0;

/** Each one later than the one before. */
export const nextTime = (): string => new Date(epoch + ticks++).toISOString();

export const attribution = (reason: string | null = null): Attribution => ({
  at: nextTime(),
  actor: 'tester@laboratory',
  reason,
  request_id: ulid(),
});

export function sampleRun(changes: Partial<Experiment> = {}): Experiment {
  const id = ulid();
  const at = changes.started_at ?? nextTime();
  return {
    _id: id,
    status: 'in_progress',
    experiment_design: {
      experiment_name: 'titration',
      experiment_description: null,
      resource_conditions: [],
      ownership_info: {},
    },
    ownership_info: {},
    run_name: 'first',
    run_description: null,
    started_at: at,
    ended_at: null,
    experiment_id: id,
    requested_status: null,
    experiment_design_id: null,
    parameters: {},
    outcome: {},
    tags: [],
    notes: null,
    updated_at: at,
    status_reason: null,
    actor: 'tester@laboratory',
    parent_experiment_id: null,
    lease: null,
    version: 1,
    ...changes,
  };
}

export function startOf(run: Experiment, extra: Partial<StartWrite> = {}): StartWrite {
  return { ...attribution(), at: run.started_at ?? nextTime(), run, ...extra };
}

export function commandOf(
  id: string,
  command: Command,
  extra: Partial<CommandWrite> & { outcome?: FinalStatus } = {},
): CommandWrite {
  const { outcome, ...rest } = extra;
  const moves = movesOf(command, outcome);
  return { ...attribution(`why ${command}`), id, command, moves, target: moves.unknown as Status, ...rest };
}

export function editOf(id: string, changes: EditWrite['changes'], extra: Partial<EditWrite> = {}): EditWrite {
  return { ...attribution('why edit'), id, changes, ...extra };
}

/** Starts a run and takes it to a status. */
export async function runIn(store: Store, status: Status): Promise<Experiment> {
  const run = sampleRun(status === 'unknown' ? { status } : {});
  await store.start(startOf(run));
  if (status === 'paused') await store.command(commandOf(run._id, 'pause'));
  else if (status !== 'unknown' && status !== 'in_progress') {
    await store.command(commandOf(run._id, 'end', { outcome: status }));
  }
  return readRun(store, run._id);
}

export async function readRun(store: Store, id: string): Promise<Experiment> {
  const text = await store.run(id);
  assert.ok(text !== undefined, `run ${id} is there`);
  return parseJson(text) as unknown as Experiment;
}

export function textOf(outcome: Outcome): string {
  assert.ok(outcome.kind === 'done', `the write was done, not ${outcome.kind}`);
  return outcome.text;
}

export const versionOf = (outcome: Outcome): number => (JSON.parse(textOf(outcome)) as Experiment).version;

/** The whole history, in pages of seven. */
export async function readHistory(store: Store, id: string): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for (;;) {
    const page = await store.history(id, { limit: 7, after: entries.length });
    assert.ok(page !== undefined);
    entries.push(...page.map((text) => JSON.parse(text) as HistoryEntry));
    if (page.length < 7) return entries;
  }
}

/** All runs, in pages; `between` comes after each page. */
export async function readRuns(
  store: Store,
  { limit = 50, status, between }: { limit?: number; status?: Status; between?: () => Promise<unknown> } = {},
): Promise<Experiment[]> {
  const runs: Experiment[] = [];
  for (;;) {
    const last = runs.at(-1);
    const texts = await store.runs({
      limit,
      ...(status === undefined ? {} : { status }),
      ...(last === undefined ? {} : { after: { started_at: last.started_at ?? '', id: last._id } }),
    });
    runs.push(...texts.map((text) => JSON.parse(text) as Experiment));
    if (texts.length < limit) return runs;
    await between?.();
  }
}
