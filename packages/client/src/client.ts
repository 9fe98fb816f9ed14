import {
  commandRoutes,
  pathOf,
  routes,
  type Campaign,
  type CampaignInput,
  type CommandBody,
  type Definition,
  type Experiment,
  type ExperimentEdit,
  type ExperimentStart,
  type FinalStatus,
  type Health,
  type HistoryEntry,
  type Route,
  type RouteName,
  type Status,
} from '@madsci-ts/protocol';
import type { Static, TSchema } from 'typebox';
import {
  checkTimeout,
  readOptions,
  type CallOptions,
  type ExperimentClientOptions,
  type WriteOptions,
} from './options.ts';
import { newKey } from './key.ts';
import { eachEntry, readNextCursor, type Page } from './pages.ts';
import { send, type TransportOptions } from './transport.ts';
import { pollStatus, type WaitOptions } from './wait.ts';

type JsonRouteName = { [N in RouteName]: (typeof routes)[N]['reply'] extends TSchema ? N : never }[RouteName];
type ReplyOf<N extends JsonRouteName> = Static<Extract<(typeof routes)[N]['reply'], TSchema>>;

/** Which entries a page holds. */
export interface PageQuery {
  /** Most entries. */
  number?: number | undefined;
  /** `next` of the page before. */
  cursor?: string | undefined;
}

export interface ExperimentQuery extends PageQuery {
  status?: Status | undefined;
}

export interface EndBody extends CommandBody {
  /** How the run ended. Default completed. */
  status?: FinalStatus | undefined;
}

interface CallFacts {
  id?: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  options?: WriteOptions | undefined;
}

/**
 * Talks to an experiment manager, from Node or a browser. Bodies and replies are those of the wire (`@madsci-ts/protocol`): fields in
 * snake_case, integers beyond 2^53 as bigint.
 *
 * Every call is retried where that may help; each write carries an Idempotency-Key that stays the same over its retries, so that
 * nothing is done twice. Calls reject with RefusedError, NoAnswerError, TooLateError or NotUnderstoodError: see errors.ts.
 */
export class ExperimentClient {
  /** Where the manager is, without a slash at the end. */
  readonly url: string;
  readonly #transport: TransportOptions;

  constructor(options: ExperimentClientOptions) {
    const { url, transport } = readOptions(options);
    this.url = url;
    this.#transport = transport;
  }

  /** Registers a run and starts it: `startExperiment({ experiment_design: { experiment_name: 'Titration' }, run_name: 'first' })`. */
  startExperiment(start: ExperimentStart, options?: WriteOptions): Promise<Experiment> {
    return this.#call('startExperiment', { body: start, options });
  }

  getExperiment(id: string, options?: CallOptions): Promise<Experiment> {
    return this.#call('getExperiment', { id, options });
  }

  /** One page of runs, latest start first; `number` 1 to 10 000, default 10. */
  getExperiments(query: ExperimentQuery = {}, options?: CallOptions): Promise<Page<Experiment>> {
    return this.#page('listExperiments', { query: { ...query }, options });
  }

  /** All runs, latest start first, fetched `pageSize` (default 100) at a time. */
  experiments(
    query: { status?: Status | undefined; pageSize?: number } = {},
    options?: CallOptions,
  ): AsyncGenerator<Experiment, void> {
    const { pageSize = 100, status } = query;
    return eachEntry((cursor) => this.getExperiments({ number: pageSize, status, cursor }, options));
  }

  /** Changes the given fields only. */
  editExperiment(id: string, edit: ExperimentEdit, options?: WriteOptions): Promise<Experiment> {
    return this.#call('editExperiment', { id, body: edit, options });
  }

  pauseExperiment(id: string, body: CommandBody = {}, options?: WriteOptions): Promise<Experiment> {
    return this.#call(commandRoutes.pause, { id, body, options });
  }

  continueExperiment(id: string, body: CommandBody = {}, options?: WriteOptions): Promise<Experiment> {
    return this.#call(commandRoutes.continue, { id, body, options });
  }

  /** Ends a run. A run that is final already comes back as it is, without an error: look at `status`. */
  endExperiment(id: string, { status, ...body }: EndBody = {}, options?: WriteOptions): Promise<Experiment> {
    return this.#call(commandRoutes.end, { id, body, query: { status }, options });
  }

  failExperiment(id: string, body: CommandBody = {}, options?: WriteOptions): Promise<Experiment> {
    return this.#call(commandRoutes.fail, { id, body, options });
  }

  cancelExperiment(id: string, body: CommandBody = {}, options?: WriteOptions): Promise<Experiment> {
    return this.#call(commandRoutes.cancel, { id, body, options });
  }

  /** One page of what was asked of a run, oldest first, refused wishes included; `number` 1 to 10 000, default 1000. */
  getHistory(id: string, query: PageQuery = {}, options?: CallOptions): Promise<Page<HistoryEntry>> {
    return this.#page('experimentHistory', { id, query: { ...query }, options });
  }

  /** Everything that was asked of a run, oldest first, fetched `pageSize` (default 1000) at a time. */
  history(
    id: string,
    query: { pageSize?: number } = {},
    options?: CallOptions,
  ): AsyncGenerator<HistoryEntry, void> {
    const { pageSize = 1000 } = query;
    return eachEntry((cursor) => this.getHistory(id, { number: pageSize, cursor }, options));
  }

  /**
   * Resolves with the run once its status is one of `awaited`. It polls.
   *
   * @throws TooLateError when `timeoutMs` is over; StatusNeverReachedError when the run has ended otherwise
   */
  waitForStatus(id: string, awaited: readonly Status[], options: WaitOptions = {}): Promise<Experiment> {
    const { signal } = options;
    const longestMs = this.#transport.timeoutMs;
    const look = (timeoutMs: number) =>
      this.getExperiment(id, {
        timeoutMs: Math.min(timeoutMs, longestMs),
        ...(signal === undefined ? {} : { signal }),
      });
    return pollStatus(look, this.#urlOf(routes.getExperiment, id), awaited, options);
  }

  /** Registers a campaign; one with a known `campaign_id` is updated. */
  registerCampaign(campaign: CampaignInput, options?: WriteOptions): Promise<Campaign> {
    return this.#call('registerCampaign', { body: campaign, options });
  }

  getCampaign(id: string, options?: CallOptions): Promise<Campaign> {
    return this.#call('getCampaign', { id, options });
  }

  /** One page of campaigns, latest first; `number` 1 to 10 000, default 100. */
  getCampaigns(query: PageQuery = {}, options?: CallOptions): Promise<Page<Campaign>> {
    return this.#page('listCampaigns', { query: { ...query }, options });
  }

  /** All campaigns, latest first, fetched `pageSize` (default 100) at a time. */
  campaigns(query: { pageSize?: number } = {}, options?: CallOptions): AsyncGenerator<Campaign, void> {
    const { pageSize = 100 } = query;
    return eachEntry((cursor) => this.getCampaigns({ number: pageSize, cursor }, options));
  }

  health(options?: CallOptions): Promise<Health> {
    return this.#call('health', { options });
  }

  definition(options?: CallOptions): Promise<Definition> {
    return this.#call('definition', { options });
  }

  /** Settings the manager runs with, by name, secrets redacted. */
  async settings(options?: CallOptions): Promise<Record<string, unknown>> {
    return (await this.#call('settings', { options })).settings;
  }

  async #call<N extends JsonRouteName>(name: N, facts: CallFacts): Promise<ReplyOf<N>> {
    return (await this.#send(name, facts)).value;
  }

  async #page<N extends JsonRouteName>(
    name: N,
    facts: CallFacts,
  ): Promise<Page<ReplyOf<N> extends (infer T)[] ? T : never>> {
    const { value, headers } = await this.#send(name, facts);
    return { items: value as (ReplyOf<N> extends (infer T)[] ? T : never)[], next: readNextCursor(headers) };
  }

  #send<N extends JsonRouteName>(name: N, { id, query = {}, body, options = {} }: CallFacts) {
    const route: Route = routes[name];
    const reply = routes[name].reply as Extract<(typeof routes)[N]['reply'], TSchema>;
    return send(
      {
        method: route.method,
        url: this.#urlOf(route, id),
        query,
        body,
        reply,
        signal: options.signal,
        timeoutMs: checkTimeout(options.timeoutMs),
        idempotencyKey: route.idempotent ? (options.idempotencyKey ?? newKey()) : undefined,
      },
      this.#transport,
    );
  }

  #urlOf(route: Route, id?: string): string {
    return this.url + pathOf(route, id);
  }
}
