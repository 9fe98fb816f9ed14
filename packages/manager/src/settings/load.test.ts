import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { SettingsError } from './errors.ts';
import { loadSettings } from './load.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

interface Given {
  readonly env?: Record<string, string>;
  readonly files?: Readonly<Record<string, string>>;
  readonly argv?: Record<string, unknown>;
}

function load({ env = {}, files = {}, argv = {} }: Given = {}) {
  return loadSettings({ env, argv, cwd: folderWith(files) });
}

function refusal(given: Given): string {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    return error.message;
  }
  assert.fail('it was accepted');
}

describe('defaults', () => {
  test('serve localhost:8002 on SQLite in the working directory', () => {
    const cwd = folderWith({});
    const { settings, origins, warnings } = loadSettings({ env: {}, cwd });
    assert.deepEqual(settings.listen, { host: 'localhost', port: 8002 });
    assert.deepEqual(settings.store, { kind: 'sqlite', path: join(cwd, '.madsci', 'experiments.db') });
    assert.equal(settings.rate_limit_requests, 300);
    assert.equal(settings.max_body_bytes, 10_485_760);
    assert.equal(settings.rate_limit_exempt_ips, null);
    assert.equal(settings.context.event_server_url, null);
    assert.deepEqual(new Set(Object.values(origins)), new Set(['default']));
    assert.deepEqual(warnings, []);
  });

  test('are frozen, lists and parts too', () => {
    const { settings } = load();
    for (const part of [
      settings,
      settings.listen,
      settings.store,
      settings.context,
      settings.allowed_origins,
    ]) {
      assert.ok(Object.isFrozen(part));
    }
  });
});

describe('order of sources', () => {
  const line = (value: string) => `EXPERIMENT_DATABASE_NAME=${value}`;
  const json = (value: string) => JSON.stringify({ database_name: value });
  const toml = (value: string) => `database_name = "${value}"`;
  const yaml = (value: string) => `database_name: ${value}`;
  const weakestFirst: [string, (given: Given, value: string) => Given][] = [
    ...(
      [
        ['settings.yaml', yaml],
        ['experiment.settings.yaml', yaml],
        ['experiments.settings.yaml', yaml],
        ['settings.toml', toml],
        ['experiment.settings.toml', toml],
        ['experiments.settings.toml', toml],
        ['settings.json', json],
        ['experiment.settings.json', json],
        ['experiments.settings.json', json],
        ['.env', line],
        ['experiment.env', line],
        ['experiments.env', line],
      ] as const
    ).map(([name, write]): [string, (given: Given, value: string) => Given] => [
      name.endsWith('.env') ? `${name} EXPERIMENT_DATABASE_NAME` : name,
      (given, value) => ({ ...given, files: { ...given.files, [name]: write(value) } }),
    ]),
    [
      'environment EXPERIMENT_DATABASE_NAME',
      (given, value) => ({ ...given, env: { EXPERIMENT_DATABASE_NAME: value } }),
    ],
    ['command line', (given, value) => ({ ...given, argv: { database_name: value } })],
  ];

  test('each beats all that come after it', () => {
    let given: Given = {};
    for (const [index, [origin, add]] of weakestFirst.entries()) {
      given = add(given, `name${index}`);
      const { settings, origins } = load(given);
      assert.equal(settings.database_name, `name${index}`);
      assert.equal(origins.database_name, origin);
    }
  });

  test('an option that was not given leaves the others in place', () => {
    const { settings } = load({
      argv: { database_name: undefined },
      env: { EXPERIMENT_DATABASE_NAME: 'env' },
    });
    assert.equal(settings.database_name, 'env');
  });
});

describe('names', () => {
  test('the environment needs the prefix, in any case of letters', () => {
    assert.equal(load({ env: { DATABASE_NAME: 'x' } }).settings.database_name, 'madsci_experiments');
    assert.equal(load({ files: { '.env': 'DATABASE_NAME=x' } }).settings.database_name, 'madsci_experiments');
    assert.equal(load({ env: { experiment_Database_name: 'x' } }).settings.database_name, 'x');
  });

  test('a file may use the prefix, and a name without it anywhere wins', () => {
    const prefixed = { 'settings.json': '{"experiment_database_name": "own"}' };
    const { settings, origins } = load({ files: prefixed });
    assert.equal(settings.database_name, 'own');
    assert.equal(origins.database_name, 'settings.json experiment_database_name');
    const both = load({ files: { ...prefixed, 'settings.yaml': 'database_name: shared' } });
    assert.equal(both.settings.database_name, 'shared');
  });

  test("MADSci's database names select MongoDB, only where EXPERIMENT_DB_URL is given nowhere", () => {
    const url = 'mongodb://db:27017';
    for (const name of [
      'EXPERIMENT_DB_URL',
      'EXPERIMENT_MONGO_DB_URL',
      'EXPERIMENT_DOCUMENT_DB_URL',
      'MONGO_DB_URL',
      'DOCUMENT_DB_URL',
    ]) {
      assert.deepEqual(load({ env: { [name]: url } }).settings.store, { kind: 'mongodb', url }, name);
    }
    assert.equal(load({ files: { 'settings.yaml': `mongo_db_url: ${url}` } }).settings.store.kind, 'mongodb');
    const both = load({
      env: { MONGO_DB_URL: url },
      files: { 'settings.yaml': 'experiment_db_url: sqlite:/data/runs.db' },
    });
    assert.deepEqual(both.settings.store, { kind: 'sqlite', path: '/data/runs.db' });
  });

  test('context has no prefix and its own files', () => {
    const { settings, origins } = load({
      env: { LAB_SERVER_URL: 'http://lab:8000' },
      files: {
        'context.env': 'EVENT_SERVER_URL=http://events:8001',
        'settings.yaml': 'resource_server_url: http://resources:8003\nevent_server_url: http://other:1',
        'context.settings.toml': 'data_server_url = "http://data:8004"',
      },
    });
    assert.deepEqual(settings.context, {
      lab_server_url: 'http://lab:8000/',
      event_server_url: 'http://events:8001/',
      resource_server_url: 'http://resources:8003/',
      data_server_url: 'http://data:8004/',
      workcell_server_url: null,
      location_server_url: null,
    });
    assert.equal(origins.event_server_url, 'context.env EVENT_SERVER_URL');
  });
});

describe('values', () => {
  test('are read as MADSci reads them', () => {
    const { settings } = load({
      env: {
        EXPERIMENT_RATE_LIMIT_REQUESTS: ' 1_000 ',
        EXPERIMENT_RATE_LIMIT_WINDOW: '7.0',
        EXPERIMENT_RATE_LIMIT_ENABLED: 'Off',
        EXPERIMENT_RATE_LIMIT_EXEMPT_IPS: '[]',
        EXPERIMENT_RATE_LIMIT_SHORT_REQUESTS: 'null',
        EXPERIMENT_SERVER_URL: 'http://[::1]:0',
      },
    });
    assert.equal(settings.rate_limit_requests, 1000);
    assert.equal(settings.rate_limit_window, 7);
    assert.equal(settings.rate_limit_enabled, false);
    assert.deepEqual(settings.rate_limit_exempt_ips, []);
    assert.equal(settings.rate_limit_short_requests, null);
    assert.deepEqual(settings.listen, { host: '::1', port: 0 });
  });

  test('files hold them in their own types', () => {
    const { settings } = load({
      files: {
        'settings.yaml':
          'rate_limit_exempt_ips: [10.0.0.7]\nrate_limit_short_window: null\nnaive_times: yes\n',
        'settings.toml': 'max_connections = 12\nallowed_origins = ["https://lab.example.org/"]',
        'settings.json': '{"log_level": 30}',
      },
    });
    assert.deepEqual(settings.rate_limit_exempt_ips, ['10.0.0.7']);
    assert.equal(settings.rate_limit_short_window, null);
    assert.equal(settings.naive_times, true);
    assert.equal(settings.max_connections, 12);
    assert.deepEqual(settings.allowed_origins, ['https://lab.example.org']);
    assert.equal(settings.log_level, 'warn');
  });

  test("uvicorn's name of max_connections fills it, unless it is given itself", () => {
    const files = { 'settings.yaml': 'uvicorn_limit_concurrency: 5' };
    const { settings, origins } = load({ files });
    assert.equal(settings.max_connections, 5);
    assert.equal(origins.max_connections, 'settings.yaml');
    assert.equal(load({ files, argv: { max_connections: '9' } }).settings.max_connections, 9);
  });

  test('dotenv files have quotes, comments, hashes and references as in Python', () => {
    const content = [
      '\uFEFFexport EXPERIMENT_DATABASE_NAME="a b" # comment',
      'EXPERIMENT_COLLECTION_NAME=${EXPERIMENT_DATABASE_NAME}-${HOST_NAME}-${NOT_THERE:-d} # comment',
      'EXPERIMENT_MANAGER_NAME=robot#2   # comment',
    ].join('\r\n');
    const { settings } = load({ env: { HOST_NAME: 'h' }, files: { '.env': content } });
    assert.equal(settings.database_name, 'a b');
    assert.equal(settings.collection_name, 'a b-h-d');
    assert.equal(settings.manager_name, 'robot#2');
  });

  test('a folder called .env and empty YAML are no settings', () => {
    const cwd = folderWith({ 'settings.yaml': '# nothing yet\n' });
    mkdirSync(join(cwd, '.env'));
    assert.equal(loadSettings({ env: {}, cwd }).settings.listen.port, 8002);
  });
});

describe('refusals', () => {
  const rows: [string, Record<string, string>, string][] = [
    [
      'a limit of 0',
      { RATE_LIMIT_REQUESTS: '0' },
      'rate_limit_requests is "0" (environment EXPERIMENT_RATE_LIMIT_REQUESTS), but must be a whole number of at least 1.',
    ],
    [
      'an empty number',
      { RATE_LIMIT_SHORT_REQUESTS: '' },
      'rate_limit_short_requests is "" (environment EXPERIMENT_RATE_LIMIT_SHORT_REQUESTS), but must be a whole number of at least 1, or null.',
    ],
    [
      'a fraction',
      { RATE_LIMIT_WINDOW: '1.5' },
      'rate_limit_window is "1.5" (environment EXPERIMENT_RATE_LIMIT_WINDOW), but must be a whole number of at least 1.',
    ],
    [
      'a timeout longer than timers are',
      { REQUEST_TIMEOUT_MS: '2147483648' },
      'request_timeout_ms is "2147483648" (environment EXPERIMENT_REQUEST_TIMEOUT_MS), but must be a whole number of at least 1.',
    ],
    [
      'keys kept for less than a day',
      { IDEMPOTENCY_RETENTION_HOURS: '23' },
      'idempotency_retention_hours is "23" (environment EXPERIMENT_IDEMPOTENCY_RETENTION_HOURS), but must be a whole number of at least 24.',
    ],
    [
      'a word for a switch',
      { NAIVE_TIMES: 'maybe' },
      'naive_times is "maybe" (environment EXPERIMENT_NAIVE_TIMES), but must be true or false.',
    ],
    [
      'another manager',
      { MANAGER_TYPE: 'lab_manager' },
      'manager_type is "lab_manager" (environment EXPERIMENT_MANAGER_TYPE), but must be "experiment_manager".',
    ],
    [
      'an id that is no ULID',
      { MANAGER_ID: 'em1' },
      'manager_id is "em1" (environment EXPERIMENT_MANAGER_ID), but must be a ULID (26 characters such as 01KABD0000000000000000EXP1), or null.',
    ],
    [
      'a port out of range',
      { SERVER_URL: 'http://localhost:99999' },
      'server_url is "http://localhost:99999" (environment EXPERIMENT_SERVER_URL), but must be a URL such as http://localhost:8002.',
    ],
    [
      'a URL without a scheme, its password unseen',
      { SERVER_URL: 'ann:pw@localhost' },
      'server_url is "***REDACTED***@localhost" (environment EXPERIMENT_SERVER_URL), but must be a URL such as http://localhost:8002.',
    ],
    [
      'a list with commas',
      { TRUSTED_PROXIES: '10.0.0.7,10.0.0.8' },
      `trusted_proxies is "10.0.0.7,10.0.0.8" (environment EXPERIMENT_TRUSTED_PROXIES), but must be a list of which each entry is an IP address or a network such as 10.0.0.0/8 (in the environment as JSON: '["10.0.0.7"]').`,
    ],
    [
      'a network that is none',
      { TRUSTED_PROXIES: '["10.0.0.0/33"]' },
      `trusted_proxies is "[\\"10.0.0.0/33\\"]" (environment EXPERIMENT_TRUSTED_PROXIES), but must be a list of which each entry is an IP address or a network such as 10.0.0.0/8 (in the environment as JSON: '["10.0.0.7"]').`,
    ],
    [
      'every origin',
      { ALLOWED_ORIGINS: '["*"]' },
      `allowed_origins is "[\\"*\\"]" (environment EXPERIMENT_ALLOWED_ORIGINS), but must be a list of which each entry is an origin such as https://lab.example.org, without a path (in the environment as JSON: '["https://lab.example.org"]').`,
    ],
    [
      'a log format',
      { LOG_FORMAT: 'xml' },
      'log_format is "xml" (environment EXPERIMENT_LOG_FORMAT), but must be one of auto, pretty, json.',
    ],
    [
      'processes on SQLite',
      { UVICORN_WORKERS: '4' },
      'uvicorn_workers is 4 (environment EXPERIMENT_UVICORN_WORKERS), but must be 1 or null: one process alone writes to an SQLite file.',
    ],
  ];
  for (const [name, values, sentence] of rows) {
    test(name, () => {
      const env = Object.fromEntries(
        Object.entries(values).map(([key, value]) => [`EXPERIMENT_${key}`, value]),
      );
      assert.equal(refusal({ env }), sentence);
    });
  }

  test('databases of other kinds, ambiguous paths, without a password in the sentence', () => {
    for (const url of [
      'postgresql://ann:pw@db/x',
      'mongodb:ann:pw@db',
      'sqlite:///data/x.db',
      'sqlite::memory:',
      '',
    ]) {
      const sentence = refusal({ env: { EXPERIMENT_DB_URL: url } });
      assert.match(
        sentence,
        /^db_url is ".*" \(environment EXPERIMENT_DB_URL\), but must be sqlite: and the path/,
      );
      assert.doesNotMatch(sentence, /pw|ann/);
    }
  });

  test('more than one process is fine on MongoDB, and one on SQLite', () => {
    const mongo = { EXPERIMENT_DB_URL: 'mongodb://db', EXPERIMENT_UVICORN_WORKERS: '4' };
    assert.equal(load({ env: mongo }).settings.uvicorn_workers, 4);
    assert.equal(load({ env: { EXPERIMENT_UVICORN_WORKERS: '1' } }).settings.uvicorn_workers, 1);
  });

  test('the source is named as it is: a file, the command line, a neighbour', () => {
    assert.match(
      refusal({ files: { 'experiments.settings.toml': 'log_level = []' } }),
      /\(experiments\.settings\.toml\)/,
    );
    assert.match(refusal({ argv: { max_body_bytes: '-1' } }), /^max_body_bytes is "-1" \(command line\)/);
    assert.match(
      refusal({ files: { '.env': 'EVENT_SERVER_URL=events' } }),
      /^event_server_url is "events" \(\.env EVENT_SERVER_URL\), but must be a URL/,
    );
    assert.equal(
      refusal({ argv: { sevrer_url: 'x' } }),
      'The command line names sevrer_url, which is no setting.',
    );
  });

  const broken: [string, string, string][] = [
    ['settings.json', '{"db_url": "secret",\n  "log_level": info}', 'line 2, column 16: not valid JSON'],
    ['settings.json', '', 'line 1, column 1: not valid JSON'],
    ['settings.json', '[]', 'line 1: it has to hold names and values'],
    ['settings.toml', 'a = 1\na = "secret"', 'line 2, column 1: trying to redefine'],
    ['experiment.settings.yaml', 'a: 1\na: secret', 'line 2, column 1: Map keys must be unique'],
    ['context.settings.yaml', 'just text', 'line 1: it has to hold names and values'],
  ];
  for (const [name, content, reason] of broken) {
    test(`${name} with ${JSON.stringify(content)}`, () => {
      const sentence = refusal({ files: { [name]: content } });
      assert.ok(sentence.startsWith(`The settings file ${name} can't be read: ${reason}`), sentence);
      assert.match(sentence, /^[^\n]*[^.]\.$/);
      assert.doesNotMatch(sentence, /secret/);
    });
  }
});

describe('warnings', () => {
  const warningsOf = (given: Given) => load(given).warnings;

  test('name the nearest setting', () => {
    assert.deepEqual(
      warningsOf({
        env: { EXPERIMENT_SEVRER_URL: 'x' },
        files: {
          '.env': 'EXPERIMENT_NAME=x',
          'settings.yaml': 'experiment_databse_name: x\nunrelated: 1',
          'experiments.settings.toml': 'log_levle = "info"',
        },
      }),
      [
        'EXPERIMENT_SEVRER_URL (environment) is no setting of this manager; the nearest one is EXPERIMENT_SERVER_URL.',
        'EXPERIMENT_NAME (.env) is no setting of this manager; madsci-experiments settings lists them all.',
        'log_levle (experiments.settings.toml) is no setting of this manager; the nearest one is log_level.',
        'experiment_databse_name (settings.yaml) is no setting of this manager; the nearest one is experiment_database_name.',
      ],
    );
  });

  test('spare the names of Python applications, clients, and of Kubernetes', () => {
    const env = {
      EXPERIMENT_CLIENT_TIMEOUT_DEFAULT: '20',
      EXPERIMENT_SERVER_MODE: 'true',
      EXPERIMENT_RUN_ARGS: '[]',
      EXPERIMENT_LAB_SERVER_URL: 'http://lab:8000',
      EXPERIMENT_MANAGER_SERVICE_HOST: '10.1.2.3',
      EXPERIMENT_MANAGER_PORT: 'tcp://10.1.2.3:8002',
      EXPERIMENT_MANAGER_PORT_8002_TCP_ADDR: '10.1.2.3',
      EXPERIMENTAL: '1',
    };
    assert.deepEqual(warningsOf({ env }), []);
    assert.equal(warningsOf({ env: { EXPERIMENT_PORT: '8005' } }).length, 1);
  });

  test('tell what has no effect', () => {
    assert.deepEqual(
      warningsOf({
        env: {
          EXPERIMENT_OTEL_ENABLED: 'true',
          EXPERIMENT_UVICORN_LIMIT_MAX_REQUESTS: '1000',
          EXPERIMENT_RATE_LIMIT_EXEMPT_IPS: '["10.0.0.7", "robot"]',
        },
      }),
      [
        'EXPERIMENT_OTEL_ENABLED (environment) has no effect: this manager does not export to OpenTelemetry, GET /metrics serves Prometheus.',
        'uvicorn_limit_max_requests (environment EXPERIMENT_UVICORN_LIMIT_MAX_REQUESTS) has no effect: this server is not restarted after a number of requests.',
        'rate_limit_exempt_ips (environment EXPERIMENT_RATE_LIMIT_EXEMPT_IPS) names "robot", which is no IP address and so exempts nobody.',
      ],
    );
  });
});
