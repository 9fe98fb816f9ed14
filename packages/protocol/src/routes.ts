/**
 * Every endpoint: what goes in, what can come out. The server checks requests by it, the client is typed by it, /openapi.json is made
 * of it.
 */
import Type, { type TObject, type TSchema } from 'typebox';
import { Campaign, CampaignInput } from './campaign.ts';
import { runCursorPattern } from './cursor.ts';
import { ErrorBody, InvalidBody } from './errors.ts';
import {
  CommandBody,
  Conflict,
  Experiment,
  ExperimentEdit,
  ExperimentStart,
  HistoryEntry,
  StatusSchema,
} from './experiment.ts';
import { outcomeSpellings, type Command } from './lifecycle.ts';
import { Definition, Health, SettingsReply } from './manager.ts';

export interface Route {
  method: 'GET' | 'POST' | 'PATCH';
  /** With `:name` for path parameters. */
  path: string;
  summary: string;
  /** What the path parameter is: one text. */
  param?: string;
  query?: TObject;
  body?: TSchema;
  /** True where a request without a body is fine. */
  bodyOptional?: boolean;
  /** True where `Idempotency-Key` is honoured. */
  idempotent?: boolean;
  /** True where the reply may carry `Link: <...>; rel="next"`. */
  paged?: boolean;
  /** What 200 carries: a schema, or a media type where it is not JSON. */
  reply: TSchema | string;
  /** Other replies with their schema; those that any route can give are in `commonReplies`. */
  replies?: Record<number, TSchema>;
}

/** Most entries of one page. */
export const maxPageSize = 10_000;

const notFound = { 404: ErrorBody };
const pageSize = (initial: number) =>
  Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: maxPageSize,
      default: initial,
      description: 'Most entries to reply',
    }),
  );

const runPage = Type.Object({
  number: pageSize(10),
  cursor: Type.Optional(
    Type.String({
      pattern: runCursorPattern,
      description: 'Opaque: from the Link header of the page before',
    }),
  ),
  status: Type.Optional(StatusSchema),
});

const entryPage = Type.Object({
  number: pageSize(1000),
  cursor: Type.Optional(
    Type.String({ pattern: '^[0-9]{1,15}$', description: 'Opaque: from the Link header of the page before' }),
  ),
});

const campaignPage = Type.Object({
  number: pageSize(100),
  cursor: Type.Optional(
    Type.String({ pattern: '^[0-9]{1,15}$', description: 'Opaque: from the Link header of the page before' }),
  ),
});

const endQuery = Type.Object({
  status: Type.Optional(
    Type.Enum([...outcomeSpellings], { description: 'How it ended; empty or left out: completed' }),
  ),
});

const run = {
  param: 'ULID of the run',
  reply: Experiment,
  idempotent: true,
  replies: { ...notFound, 409: Conflict },
};

const command = <N extends Command>(name: N, summary: string) =>
  ({
    method: 'POST',
    path: `/experiment/:id/${name}`,
    summary,
    body: CommandBody,
    bodyOptional: true,
    ...run,
  }) as const;

const get = <P extends string, R extends TSchema | string>(path: P, summary: string, reply: R) =>
  ({ method: 'GET', path, summary, reply }) as const;

export const routes = {
  root: get('/', 'Definition of this manager', Definition),
  definition: get('/definition', 'Definition of this manager', Definition),
  settings: get('/settings', 'Settings in force, secrets redacted', SettingsReply),
  health: get('/health', 'Whether the manager can work, and how many runs it keeps', Health),
  metrics: get('/metrics', 'Figures for Prometheus', 'text/plain'),
  startExperiment: {
    method: 'POST',
    path: '/experiment',
    summary: 'Register a run and start it',
    body: ExperimentStart,
    idempotent: true,
    reply: Experiment,
  },
  listExperiments: {
    ...get('/experiments', 'Runs, latest start first', Type.Array(Experiment)),
    query: runPage,
    paged: true,
  },
  getExperiment: { ...get('/experiment/:id', 'One run', Experiment), param: run.param, replies: notFound },
  editExperiment: {
    method: 'PATCH',
    path: '/experiment/:id',
    summary: 'Change name, description, tags or notes of a run',
    body: ExperimentEdit,
    ...run,
  },
  experimentHistory: {
    ...get(
      '/experiment/:id/history',
      'Every asked-for change of a run, oldest first',
      Type.Array(HistoryEntry),
    ),
    param: run.param,
    query: entryPage,
    paged: true,
    replies: notFound,
  },
  pauseExperiment: command('pause', 'Pause a run'),
  continueExperiment: command('continue', 'Continue a paused run'),
  endExperiment: {
    ...command('end', 'End a run: completed unless ?status= says otherwise'),
    query: endQuery,
  },
  failExperiment: command('fail', 'End a run as failed'),
  cancelExperiment: command('cancel', 'Cancel a run'),
  registerCampaign: {
    method: 'POST',
    path: '/campaign',
    summary: 'Register a campaign, or update it by its campaign_id',
    body: CampaignInput,
    idempotent: true,
    reply: Campaign,
  },
  getCampaign: {
    ...get('/campaign/:id', 'One campaign', Campaign),
    param: 'ULID of the campaign',
    replies: notFound,
  },
  listCampaigns: {
    ...get('/campaigns', 'Campaigns, latest first', Type.Array(Campaign)),
    query: campaignPage,
    paged: true,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** The route that carries a lifecycle command. */
export const commandRoutes = {
  pause: 'pauseExperiment',
  continue: 'continueExperiment',
  end: 'endExperiment',
  fail: 'failExperiment',
  cancel: 'cancelExperiment',
} as const satisfies Record<Command, RouteName>;

/** Replies of a route beside 200. Any request can come too slowly, too often or with too much of a head. What a request brings decides: a body can be too large, a page of another origin can be refused. */
export function otherReplies(route: Route): Record<number, TSchema> {
  const replies: Record<number, TSchema> = {
    ...route.replies,
    408: ErrorBody,
    429: ErrorBody,
    431: ErrorBody,
    500: ErrorBody,
    503: ErrorBody,
  };
  if (route.query !== undefined || route.body !== undefined) replies[422] = InvalidBody;
  if (route.body !== undefined) Object.assign(replies, { 400: ErrorBody, 403: ErrorBody, 413: ErrorBody });
  return replies;
}

/** The path with its parameter filled in, escaped. */
export function pathOf(route: Route, id?: string): string {
  return id === undefined ? route.path : route.path.replace(':id', encodeURIComponent(id));
}
