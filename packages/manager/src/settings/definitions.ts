import {
  boolean,
  choice,
  databaseUrl,
  httpUrl,
  integer,
  list,
  managerType,
  network,
  nullable,
  origin,
  text,
  ulidText,
} from './types.ts';
import type { SettingType } from './types.ts';

/** One setting: its name is its key in the table. */
export interface Definition<T> {
  readonly type: SettingType<T>;
  readonly default: T;
  /** One sentence for the README and for --help. */
  readonly description: string;
  readonly unit?: 'bytes' | 'ms' | 's' | 'h';
  /** The value may hold a secret and is replied redacted. */
  readonly secret?: true;
  /** Whether MADSci has this setting, under this name, or it is of this manager only. */
  readonly from: 'MADSci' | 'ours';
  /**
   * The names in place of the usual ones, in lower case, as they stand in the environment and in files alike. A name
   * of the first list counts wherever it stands; those of the second only where none of the first is found.
   */
  readonly names?: readonly [readonly string[], readonly string[]];
}

/** Infers T from type and default, so that the tree of settings is typed by its table. */
function define<T>(definition: Definition<T>): Definition<T> {
  return definition;
}

const pythonLogLevels = {
  '10': 'debug',
  '20': 'info',
  '30': 'warn',
  '40': 'error',
  '50': 'fatal',
  warning: 'warn',
  critical: 'fatal',
} as const;

const uvicornCount = nullable(integer(1));

/** Every setting of the server. The ranges of MADSci's are MADSci's; a limit is never 0, clients divide by it. */
export const definitions = {
  server_url: define({
    type: httpUrl,
    default: 'http://localhost:8002/',
    description: 'Host and port to listen on.',
    from: 'MADSci',
  }),
  db_url: define({
    type: databaseUrl,
    default: 'sqlite:.madsci/experiments.db',
    description:
      "Where runs are stored: sqlite: and a path, or a MongoDB URL. Also read from MADSci's names `document_db_url` and `mongo_db_url`, with or without prefix.",
    secret: true,
    from: 'MADSci',
    names: [
      ['experiment_db_url', 'experiment_document_db_url', 'experiment_mongo_db_url'],
      ['document_db_url', 'mongo_db_url', 'db_url'],
    ],
  }),
  database_name: define({
    type: text(),
    default: 'madsci_experiments',
    description: 'Database, where the store is MongoDB.',
    from: 'MADSci',
  }),
  collection_name: define({
    type: text(),
    default: 'experiments',
    description: 'Collection of the runs, where the store is MongoDB.',
    from: 'MADSci',
  }),
  manager_definition: define({
    type: text(),
    default: 'experiment.manager.yaml',
    description: 'The definition file: name, description and id of this manager; completed at start.',
    from: 'MADSci',
  }),
  manager_name: define({
    type: nullable(text()),
    default: null,
    description: 'Name of this manager; wins over the definition file.',
    from: 'MADSci',
  }),
  manager_description: define({
    type: nullable(text()),
    default: null,
    description: 'Description of this manager; wins over the definition file.',
    from: 'MADSci',
  }),
  manager_id: define({
    type: nullable(ulidText),
    default: null,
    description: 'ULID of this manager; wins over the definition file.',
    from: 'MADSci',
  }),
  manager_type: define({
    type: managerType,
    default: 'experiment_manager',
    description: 'Kind of manager.',
    from: 'MADSci',
  }),
  rate_limit_enabled: define({
    type: boolean,
    default: true,
    description: 'Whether requests are limited per client address.',
    from: 'MADSci',
  }),
  rate_limit_requests: define({
    type: integer(1),
    default: 300,
    description: 'Requests allowed in the long window.',
    from: 'MADSci',
  }),
  rate_limit_window: define({
    type: integer(1),
    default: 60,
    unit: 's',
    description: 'The long window.',
    from: 'MADSci',
  }),
  rate_limit_short_requests: define({
    type: nullable(integer(1)),
    default: 50,
    description: 'Requests allowed in the burst window; null switches it off.',
    from: 'MADSci',
  }),
  rate_limit_short_window: define({
    type: nullable(integer(1)),
    default: 1,
    unit: 's',
    description: 'The burst window; null switches it off.',
    from: 'MADSci',
  }),
  rate_limit_cleanup_interval: define({
    type: integer(1),
    default: 300,
    unit: 's',
    description: 'Accepted, without effect: an address is forgotten when its windows end.',
    from: 'MADSci',
  }),
  rate_limit_exempt_ips: define({
    type: nullable(list(text(), '10.0.0.7')),
    default: null,
    description: 'Addresses without a limit; null means 127.0.0.1 and ::1.',
    from: 'MADSci',
  }),
  uvicorn_workers: define({
    type: uvicornCount,
    default: null,
    description: "MADSci's name of workers.",
    from: 'MADSci',
  }),
  uvicorn_limit_concurrency: define({
    type: uvicornCount,
    default: null,
    description: "MADSci's name of max_connections.",
    from: 'MADSci',
  }),
  uvicorn_limit_max_requests: define({
    type: uvicornCount,
    default: null,
    description: 'Accepted, without effect: this server needs no restart after a number of requests.',
    from: 'MADSci',
  }),
  workers: define({
    type: nullable(integer(1)),
    default: null,
    description:
      'Processes that share the port; null means 1. More than one is refused on SQLite. Rate limits and connections count in each of them.',
    from: 'ours',
  }),
  max_connections: define({
    type: nullable(integer(1)),
    default: null,
    description: 'Connections at the same time; null means no limit.',
    from: 'ours',
  }),
  max_body_bytes: define({
    type: integer(1),
    default: 10 * 1024 * 1024,
    unit: 'bytes',
    description: 'Largest body of a request.',
    from: 'ours',
  }),
  max_header_bytes: define({
    type: integer(1024),
    default: 16_384,
    unit: 'bytes',
    description: 'Largest header of a request.',
    from: 'ours',
  }),
  request_timeout_ms: define({
    type: integer(1),
    default: 30_000,
    unit: 'ms',
    description: 'Time in which a request has to arrive in full.',
    from: 'ours',
  }),
  keep_alive_timeout_ms: define({
    type: integer(1),
    default: 75_000,
    unit: 'ms',
    description: 'Time after which an idle connection is closed.',
    from: 'ours',
  }),
  shutdown_timeout_ms: define({
    type: integer(1),
    default: 10_000,
    unit: 'ms',
    description: 'Time that running requests get when the server stops.',
    from: 'ours',
  }),
  idempotency_retention_hours: define({
    type: integer(24),
    default: 24,
    unit: 'h',
    description: 'How long the reply to an Idempotency-Key is kept.',
    from: 'ours',
  }),
  naive_times: define({
    type: boolean,
    default: false,
    description: "Reply times in MADSci's form: the server's local time without a zone.",
    from: 'ours',
  }),
  trusted_proxies: define({
    type: list(network, '10.0.0.7'),
    default: [],
    description: 'Proxies whose X-Forwarded-For is believed.',
    from: 'ours',
  }),
  allowed_origins: define({
    type: list(origin, 'https://lab.example.org'),
    default: [],
    description: 'Web origins that may use this server beside its own and loopback.',
    from: 'ours',
  }),
  log_level: define({
    type: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], pythonLogLevels),
    default: 'info',
    description: 'The least severe lines that are logged.',
    from: 'ours',
  }),
  log_format: define<'auto' | 'pretty' | 'json'>({
    type: choice(['auto', 'pretty', 'json']),
    default: 'auto',
    description: 'Form of the log; auto is pretty at a terminal and JSON elsewhere.',
    from: 'ours',
  }),
} as const;

function neighbour(name: 'lab' | 'event' | 'resource' | 'data' | 'workcell' | 'location') {
  return define({
    type: nullable(httpUrl),
    default: null,
    description: `URL of the laboratory's ${name} manager.`,
    from: 'MADSci',
    names: [[`${name}_server_url`], []],
  });
}

/** The other managers of the laboratory: names without prefix, shared by all parts of it (MADSci's context). */
export const contextDefinitions = {
  lab_server_url: neighbour('lab'),
  event_server_url: neighbour('event'),
  resource_server_url: neighbour('resource'),
  data_server_url: neighbour('data'),
  workcell_server_url: neighbour('workcell'),
  location_server_url: neighbour('location'),
} as const;

type ValueOf<D> = D extends Definition<infer T> ? T : never;
type ValuesOf<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

export type SettingName = keyof typeof definitions;
export type ContextName = keyof typeof contextDefinitions;
/** The values of the table, by name. */
export type SettingValues = ValuesOf<typeof definitions>;
export type ContextValues = ValuesOf<typeof contextDefinitions>;
