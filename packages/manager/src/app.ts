/** Puts the manager together: settings, store, domain, HTTP. The only place that chooses a database driver. */
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { createCampaigns } from './domain/campaigns.ts';
import { createExperiments } from './domain/experiments.ts';
import { systemIdentity, type Identity } from './domain/identity.ts';
import { startOutbox, type Outbox } from './domain/outbox.ts';
import { createDelivery } from './http/delivery.ts';
import { createMetrics } from './http/metrics.ts';
import type { Domain } from './http/parts.ts';
import { createServer, type Server, type ServerOptions } from './http/server.ts';
import { eventSender } from './laboratory/event-manager.ts';
import { createLogger } from './logger.ts';
import { startHousekeeping } from './housekeeping.ts';
import {
  loadDefinition,
  redactedSettings,
  type LoadedSettings,
  type ManagerDefinition,
  type Settings,
} from './settings/index.ts';
import type { Archive } from './store/archive.ts';
import { openSqliteArchive } from './store/sqlite/archive.ts';
import { openSqliteStore } from './store/sqlite/store.ts';
import { StoreError, type OpenStore } from './store/store.ts';

/** Parts that a test may replace. */
export interface Overrides {
  openStore?: OpenStore;
  identity?: Identity;
  logger?: Logger;
}

export interface RunningManager {
  /** Where it listens, with the port that it got. */
  url: string;
  /** Stops in order: no new requests, running ones finish, the store closes. May be called twice. */
  close(): Promise<void>;
}

/** A start that cannot be; the message is a sentence for the operator. */
export class StartError extends Error {
  override name = 'StartError';
}

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/**
 * Starts the manager. It answers 503 until its database is open.
 *
 * @throws SettingsError, DefinitionError, StoreError or StartError, each with one sentence that says what to do
 */
export async function startManager(
  loaded: LoadedSettings,
  overrides: Overrides = {},
): Promise<RunningManager> {
  const { settings } = loaded;
  const { definition, warnings } = loadDefinition(settings);
  const logger = overrides.logger ?? createLogger({ level: settings.log_level, format: settings.log_format });
  for (const warning of [...loaded.warnings, ...warnings, ...exposure(settings)]) logger.warn(warning);

  const opened: { domain?: Domain } = {};
  const parts = createParts(settings, definition, () => {
    if (opened.domain === undefined) throw new StoreError('The database is not open yet');
    return opened.domain;
  });
  const server = createServer(serverOptions(settings), parts, logger);
  const url = await listen(server, settings);
  const openStore = overrides.openStore ?? (() => openConfiguredStore(settings));
  const store = await openStore().catch(async (error: unknown) => {
    await server.app.close();
    throw error;
  });
  const outbox = openOutbox(store, settings, definition, logger);
  opened.domain = createDomain(store, definition, overrides.identity ?? systemIdentity(), outbox);
  await parts.delivery.recover(store);
  const housekeeping = startHousekeeping(store, settings.idempotency_retention_hours, logger);
  server.setPhase('ready');
  logger.info(
    { url, version, database: redactedSettings(settings)['db_url'] },
    'Experiment Manager is ready',
  );

  let closing: Promise<void> | undefined;
  const close = async () => {
    logger.info('Experiment Manager is stopping');
    server.setPhase('stopping');
    await closeServer(server, settings.shutdown_timeout_ms);
    await housekeeping.stop();
    await outbox?.stop();
    await store.close();
    logger.info('Experiment Manager has stopped');
    logger.flush();
  };
  return { url, close: () => (closing ??= close()) };
}

/** Running requests get this long; then their connections are cut. */
async function closeServer({ app }: Server, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), timeoutMs);
  await app.close();
  clearTimeout(timer);
}

/** Loud where security is off. */
function exposure({ listen: { host, port } }: Settings): string[] {
  const local = ['localhost', '::1'].includes(host) || host.startsWith('127.');
  if (local) return [];
  return [
    `There is no authentication: whoever reaches ${host}:${port} can start, change and cancel runs. Keep it inside the laboratory's network.`,
  ];
}

function createParts(settings: Settings, definition: ManagerDefinition, domain: () => Domain) {
  return {
    domain,
    delivery: createDelivery(domain),
    metrics: createMetrics(() => domain().store),
    definition,
    settings: redactedSettings(settings),
    version,
    naiveTimes: settings.naive_times,
  };
}

/** Undefined where the laboratory has no Event Manager: then nothing is sent and nothing is kept for it. */
function openOutbox(
  store: Domain['store'],
  { context }: Settings,
  { manager_id }: ManagerDefinition,
  log: Logger,
): Outbox | undefined {
  if (context.event_server_url === null) return undefined;
  const send = eventSender(context.event_server_url);
  return startOutbox({ store, send, managerId: manager_id, log });
}

function createDomain(
  store: Domain['store'],
  { manager_id }: ManagerDefinition,
  identity: Identity,
  outbox: Outbox | undefined,
): Domain {
  const shared = { store, identity, owner: { manager_id } };
  const told = outbox === undefined ? {} : { onEvent: outbox.wake };
  return {
    store,
    experiments: createExperiments({ ...shared, ...told }),
    campaigns: createCampaigns(shared),
  };
}

async function openConfiguredStore({ store, ...settings }: Settings): Promise<Domain['store']> {
  if (store.kind === 'sqlite') return openSqliteStore(store.path);
  // The driver's many modules are loaded where they are needed.
  const { maxBodyBytes, openMongoStore } = await import('./store/mongo/store.ts');
  if (settings.max_body_bytes > maxBodyBytes) {
    throw new StartError(
      `max_body_bytes is ${settings.max_body_bytes}, but must be ${maxBodyBytes} at most: a larger run does not fit into a MongoDB document`,
    );
  }
  const { database_name: database, collection_name: collection } = settings;
  return openMongoStore({ url: store.url, database, collection });
}

/** A database to copy from or into. `create` makes it where it is not there. */
export interface ArchivePlace {
  store: Settings['store'];
  /** Where the store is MongoDB. */
  database: string;
  collection: string;
  create: boolean;
  /** Milliseconds since 1970: marks of undelivered starts before that are left out. */
  undeliveredSince: number;
}

/** @throws StoreError (as a rejection) which says why the database cannot be used */
export async function openArchive({
  store,
  database,
  collection,
  ...options
}: ArchivePlace): Promise<Archive> {
  if (store.kind === 'sqlite') return openSqliteArchive(store.path, options);
  const { openMongoArchive } = await import('./store/mongo/archive.ts');
  return openMongoArchive({ url: store.url, database, collection }, options);
}

function serverOptions(settings: Settings): ServerOptions {
  return {
    maxBodyBytes: settings.max_body_bytes,
    maxHeaderBytes: settings.max_header_bytes,
    requestTimeoutMs: settings.request_timeout_ms,
    keepAliveTimeoutMs: settings.keep_alive_timeout_ms,
    maxConnections: settings.max_connections,
    trustedProxies: settings.trusted_proxies,
    allowedOrigins: settings.allowed_origins,
    serverHost: settings.listen.host,
    rateLimits: rateLimits(settings),
  };
}

/** Addresses that MADSci exempts unless told otherwise; IPv4 also in the form that a dual-stack socket shows. */
const exemptByDefault = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];

function rateLimits(settings: Settings): ServerOptions['rateLimits'] {
  if (!settings.rate_limit_enabled) return null;
  const { rate_limit_short_requests: requests, rate_limit_short_window: windowS } = settings;
  return {
    requests: settings.rate_limit_requests,
    windowS: settings.rate_limit_window,
    burst: requests === null || windowS === null ? null : { requests, windowS },
    exempt: new Set(settings.rate_limit_exempt_ips ?? exemptByDefault),
  };
}

const listenFaults: Record<string, string> = {
  EADDRINUSE: 'is taken; stop the program that uses it, or set EXPERIMENT_SERVER_URL to another port',
  EACCES: 'is not allowed for this user; set EXPERIMENT_SERVER_URL to a port above 1023',
  EADDRNOTAVAIL: 'is no address of this machine; correct EXPERIMENT_SERVER_URL',
  ENOTFOUND: 'has a host name that is not known; correct EXPERIMENT_SERVER_URL',
};

async function listen({ app }: Server, { listen: { host, port } }: Settings): Promise<string> {
  try {
    await app.listen({ host, port, listenTextResolver: (address) => `Listening on ${address}` });
  } catch (error) {
    const fault = listenFaults[(error as NodeJS.ErrnoException).code ?? ''];
    if (fault === undefined) throw error;
    throw new StartError(`The address ${host}:${port} ${fault}`, { cause: error });
  }
  const bound = app.addresses()[0];
  const got = typeof bound === 'object' ? bound.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${got}`;
}
