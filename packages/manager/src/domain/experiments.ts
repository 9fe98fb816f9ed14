/** Runs: start, lifecycle commands, edits, reading. */
import {
  encodeRunCursor,
  movesOf,
  setOwners,
  type Command,
  type CommandBody,
  type Experiment,
  type ExperimentDesign,
  type ExperimentEdit,
  type ExperimentStart,
  type FinalStatus,
  type OwnershipInfo,
  type Status,
} from '@madsci-ts/protocol';
import type {
  Attribution,
  EditWrite,
  Once,
  Outcome,
  OutgoingEvent,
  Page,
  RunPage,
  Store,
} from '../store/store.ts';
import { timestamp, type Identity } from './identity.ts';
import { ConflictRefusal, Refusal } from './refusals.ts';

/** Who asks, and under which request. */
export interface Caller {
  actor: string;
  requestId: string;
  once?: Once;
}

export interface ExperimentsOptions {
  store: Store;
  identity: Identity;
  /** What a design without ownership belongs to: this manager. */
  owner: OwnershipInfo;
  /** Hears of each change that the laboratory is to be told; absent where nobody is told. */
  onEvent?: () => void;
}

/** The event that tells of a status reached, under MADSci 0.6.1's names: cancelled is `experiment_stop`. */
const eventTypes: Record<Status, string> = {
  in_progress: 'experiment_continued',
  paused: 'experiment_pause',
  completed: 'experiment_complete',
  failed: 'experiment_failed',
  cancelled: 'experiment_stop',
  unknown: 'unknown',
};

/** A page of stored texts and the cursor of the next one. */
export interface TextPage {
  texts: string[];
  next?: string;
}

export type Experiments = ReturnType<typeof createExperiments>;

export function createExperiments(options: ExperimentsOptions) {
  return { ...createChanges(options), ...createReads(options.store) };
}

function createChanges({ store, identity, owner, onEvent }: ExperimentsOptions) {
  const attribution = (caller: Caller, reason: string | null = null): Attribution => ({
    at: timestamp(identity.now()),
    actor: caller.actor,
    reason,
    request_id: caller.requestId,
  });
  const once = (caller: Caller) => (caller.once === undefined ? {} : { once: caller.once });
  /** What a change of a stored run has beside itself. */
  const terms = (caller: Caller, body: CommandBody) => ({
    ...attribution(caller, body.reason ?? null),
    ...expected(body.expected_version),
    ...once(caller),
  });
  const event = (type: string): { event?: OutgoingEvent } =>
    onEvent === undefined ? {} : { event: { event_id: identity.newId(), event_type: type } };

  /** The stored text of what was done; those who send events hear that there may be one. */
  function told(outcome: Outcome, asked: string): string {
    onEvent?.();
    return textOf(outcome, asked);
  }

  return {
    /** Registers a run and starts it; `undelivered` asks the store to remember it until its reply has left. */
    async start(
      input: ExperimentStart,
      caller: Caller,
      undelivered?: { fingerprint: string },
    ): Promise<string> {
      const who = attribution(caller);
      const run = newRun(input, identity.newId(), owner, who);
      const outcome = await store.start({
        ...who,
        run,
        ...once(caller),
        ...event('experiment_start'),
        ...(undelivered === undefined ? {} : { undelivered }),
      });
      return told(outcome, 'start');
    },

    /** Applies a lifecycle command. `outcome` is how an `end` wants the run to have ended. */
    async command(
      id: string,
      command: Command,
      body: CommandBody,
      caller: Caller,
      outcome?: FinalStatus,
    ): Promise<string> {
      const moves = movesOf(command, outcome);
      // Nothing but a move is possible from unknown, so that its target is the status that the command asks for.
      const target = moves.unknown as Status;
      const result = await store.command({
        ...terms(caller, body),
        id,
        command,
        moves,
        target,
        ...event(eventTypes[target]),
      });
      return told(result, command);
    },

    async edit(id: string, body: ExperimentEdit, caller: Caller): Promise<string> {
      const write = { ...terms(caller, body), id, changes: changesOf(body) };
      return textOf(await store.edit(write), 'edit');
    },
  };
}

function createReads(store: Store) {
  return {
    async get(id: string): Promise<string> {
      return (await store.run(id)) ?? missing();
    },

    /** Latest start first. */
    async list(page: RunPage): Promise<TextPage> {
      const texts = await store.runs({ ...page, limit: page.limit + 1 });
      if (texts.length <= page.limit) return { texts };
      texts.pop();
      const last = JSON.parse(texts.at(-1) ?? '') as Experiment;
      return { texts, next: encodeRunCursor({ started_at: last.started_at ?? '', id: last._id }) };
    },

    /** Oldest first; `next` is the sequence to go on behind. */
    async history(id: string, page: Page): Promise<TextPage> {
      const texts = (await store.history(id, { ...page, limit: page.limit + 1 })) ?? missing();
      if (texts.length <= page.limit) return { texts };
      texts.pop();
      return { texts, next: String((page.after ?? 0) + texts.length) };
    },
  };
}

function missing(): never {
  throw new Refusal('experiment_not_found');
}

/** The stored text of what was done. @throws Refusal for everything else */
function textOf(outcome: Outcome, asked: string): string {
  switch (outcome.kind) {
    case 'done':
      return outcome.text;
    case 'missing':
      return missing();
    case 'key_reused':
      throw new Refusal('idempotency_key_reused');
    case 'refused':
      throw new ConflictRefusal(outcome.because, asked, outcome.status, outcome.version);
  }
}

function expected(version: number | null | undefined): { expectedVersion?: number } {
  return version == null ? {} : { expectedVersion: version };
}

function changesOf(body: ExperimentEdit): EditWrite['changes'] {
  const { reason: _reason, expected_version: _version, ...changes } = body;
  return changes;
}

function newRun(input: ExperimentStart, id: string, owner: OwnershipInfo, who: Attribution): Experiment {
  const design = storedDesign(input, owner);
  return {
    _id: id,
    status: 'in_progress',
    experiment_design: design,
    ownership_info: design.ownership_info,
    run_name: input.run_name ?? null,
    run_description: input.run_description ?? null,
    started_at: who.at,
    ended_at: null,
    experiment_id: id,
    requested_status: null,
    experiment_design_id: null,
    parameters: input.parameters ?? {},
    outcome: {},
    tags: input.tags ?? [],
    notes: input.notes ?? null,
    updated_at: who.at,
    status_reason: null,
    actor: who.actor,
    parent_experiment_id: input.parent_experiment_id ?? null,
    lease: null,
    version: 1,
  };
}

function storedDesign({ experiment_design: given }: ExperimentStart, owner: OwnershipInfo): ExperimentDesign {
  return {
    experiment_name: given.experiment_name,
    experiment_description: given.experiment_description ?? null,
    resource_conditions: (given.resource_conditions ?? []) as ExperimentDesign['resource_conditions'],
    ownership_info: given.ownership_info === undefined ? owner : setOwners(given.ownership_info),
    ...(given.metadata === undefined ? {} : { metadata: given.metadata }),
  };
}
