import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { contextDefinitions, definitions } from './definitions.ts';
import type { ContextName, ContextValues, Definition, SettingName, SettingValues } from './definitions.ts';
import { SettingsError } from './errors.ts';
import { databaseUrl } from './types.ts';
import { namesOf, unknownNameWarnings } from './names.ts';
import { expandHome } from './paths.ts';
import { REDACTED, redactUrl } from './redact.ts';
import { readSources } from './sources.ts';
import type { Places, Source } from './sources.ts';

/** Where runs are kept. The path is absolute. */
export type StoreSettings =
  { readonly kind: 'sqlite'; readonly path: string } | { readonly kind: 'mongodb'; readonly url: string };

/** Every setting under its wire name, and what follows from them. Frozen. */
export interface Settings extends SettingValues {
  /** Of `server_url`; an IPv6 host has no brackets, port 0 asks the system for a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Of `db_url`. */
  readonly store: StoreSettings;
  /** The other managers of the laboratory, each null where there is none. */
  readonly context: ContextValues;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Where each value came from, by name: "default", "environment EXPERIMENT_SERVER_URL", "settings.yaml". */
  readonly origins: Readonly<Record<SettingName | ContextName, string>>;
  /** Sentences for the operator; none of them keeps the server from starting. */
  readonly warnings: readonly string[];
}

interface Resolved {
  readonly name: string;
  readonly value: unknown;
  readonly origin: string;
}

/** The key as written, wherever it differs from the setting's name. */
function originOf(source: Source, name: string, key: string): string {
  return key === name ? source.label : `${source.label} ${key}`;
}

function find(name: string, definition: Definition<unknown>, sources: readonly Source[]) {
  for (const pass of [0, 1] as const) {
    for (const source of sources) {
      const key = namesOf(name, definition, source.kind)[pass].find((candidate) =>
        source.entries.has(candidate),
      );
      const entry = key === undefined ? undefined : source.entries.get(key);
      if (entry) return { raw: entry.value, origin: originOf(source, name, entry.key) };
    }
  }
  return undefined;
}

const MAX_SHOWN_CHARACTERS = 200;

/** A refused value for people. One that may be secret is shown as far as its type knows which part is not. */
function show(definition: Definition<unknown>, raw: unknown): string {
  const safe = definition.type.redact?.(raw) ?? (definition.secret ? REDACTED : raw);
  return (JSON.stringify(safe) ?? String(safe)).slice(0, MAX_SHOWN_CHARACTERS);
}

function resolveOne(name: string, definition: Definition<unknown>, sources: readonly Source[]): Resolved {
  const found = find(name, definition, sources);
  if (!found) return { name, value: Object.freeze(definition.default), origin: 'default' };
  const value = definition.type.parse(found.raw);
  if (value !== undefined) return { name, value: Object.freeze(value), origin: found.origin };
  const given = `${name} is ${show(definition, found.raw)} (${found.origin})`;
  throw new SettingsError(`${given}, but must be ${definition.type.expected}.`);
}

function resolveTable(
  table: Readonly<Record<string, Definition<unknown>>>,
  sources: readonly Source[],
): Resolved[] {
  return Object.entries(table).map(([name, definition]) => resolveOne(name, definition, sources));
}

function valuesOf(resolved: readonly Resolved[]): Record<string, unknown> {
  return Object.fromEntries(resolved.map(({ name, value }) => [name, value]));
}

function deriveListen(serverUrl: string): Settings['listen'] {
  const { hostname, port, protocol } = new URL(serverUrl);
  const standardPort = protocol === 'https:' ? 443 : 80;
  return Object.freeze({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? standardPort : Number(port),
  });
}

function deriveStore(dbUrl: string, cwd: string): StoreSettings {
  if (!dbUrl.startsWith('sqlite:')) return Object.freeze({ kind: 'mongodb', url: dbUrl });
  return Object.freeze({ kind: 'sqlite', path: resolve(cwd, expandHome(dbUrl.slice('sqlite:'.length))) });
}

/**
 * The store that a database URL names.
 *
 * @param url as `db_url` takes it
 * @param name of the option that gave it, for the error
 * @throws SettingsError where it is no such URL
 */
export function parseStore(url: string, name: string, cwd = process.cwd()): StoreSettings {
  if (databaseUrl.parse(url) !== undefined) return deriveStore(url, cwd);
  throw new SettingsError(`${name} is ${String(redactUrl(url))}, but must be ${databaseUrl.expected}.`);
}

type Origins = LoadedSettings['origins'];

/** Where the values came from that were given under MADSci's names. */
function originsFromUvicorn(values: SettingValues, origins: Origins): Partial<Origins> {
  const isGiven = (ours: SettingName, madscis: SettingName) =>
    values[ours] === null && values[madscis] !== null;
  return {
    ...(isGiven('max_connections', 'uvicorn_limit_concurrency')
      ? { max_connections: origins.uvicorn_limit_concurrency }
      : {}),
    ...(isGiven('workers', 'uvicorn_workers') ? { workers: origins.uvicorn_workers } : {}),
  };
}

function refuseWorkers(values: SettingValues, store: StoreSettings, origins: Origins): void {
  const name = values.workers === null ? 'uvicorn_workers' : 'workers';
  const workers = values[name] ?? 1;
  if (workers > 1 && store.kind === 'sqlite') {
    const given = `${name} is ${workers} (${origins[name]})`;
    throw new SettingsError(`${given}, but must be 1 or null: one process alone writes to an SQLite file.`);
  }
}

function valueWarnings(values: SettingValues, origins: Origins): string[] {
  const restart =
    values.uvicorn_limit_max_requests === null
      ? []
      : [
          `uvicorn_limit_max_requests (${origins.uvicorn_limit_max_requests}) has no effect: this server is not restarted after a number of requests.`,
        ];
  const noAddress = (values.rate_limit_exempt_ips ?? []).filter((entry) => isIP(entry) === 0);
  const exempt = noAddress.map(
    (entry) =>
      `rate_limit_exempt_ips (${origins.rate_limit_exempt_ips}) names ${JSON.stringify(entry)}, which is no IP address and so exempts nobody.`,
  );
  return [...restart, ...exempt];
}

function refuseUnknownArguments(argv: Places['argv']): void {
  const unknown = Object.keys(argv).find((name) => !Object.hasOwn(definitions, name));
  if (unknown !== undefined)
    throw new SettingsError(`The command line names ${unknown}, which is no setting.`);
}

/**
 * Reads every source, first wins: command line (`argv`, by setting name, undefined values are passed over), environment,
 * dotenv files, JSON, TOML, YAML, default. Throws a SettingsError at the first value that is not right.
 */
export function loadSettings({
  argv = {},
  env = process.env,
  cwd = process.cwd(),
}: Partial<Places> = {}): LoadedSettings {
  refuseUnknownArguments(argv);
  const sources = readSources('experiment', { argv, env, cwd });
  const resolved = resolveTable(definitions, sources);
  const resolvedContext = resolveTable(contextDefinitions, readSources('context', { argv: {}, env, cwd }));
  // Object.entries forgets names and types of the tables; each value was made by the type in its own row.
  const values = valuesOf(resolved) as unknown as SettingValues;
  const context = Object.freeze(valuesOf(resolvedContext)) as unknown as ContextValues;
  const origins = Object.fromEntries(
    [...resolved, ...resolvedContext].map(({ name, origin }) => [name, origin]),
  ) as Origins;
  const store = deriveStore(values.db_url, cwd);
  refuseWorkers(values, store, origins);
  const settings: Settings = {
    ...values,
    max_connections: values.max_connections ?? values.uvicorn_limit_concurrency,
    workers: values.workers ?? values.uvicorn_workers,
    listen: deriveListen(values.server_url),
    store,
    context,
  };
  return {
    settings: Object.freeze(settings),
    origins: Object.freeze({ ...origins, ...originsFromUvicorn(values, origins) }),
    warnings: [...unknownNameWarnings(sources), ...valueWarnings(values, origins)],
  };
}
