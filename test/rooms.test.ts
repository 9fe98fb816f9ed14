/** Imports go one way: every room is fed what it must refuse and what it may have, in a copy of the workspace's layout. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Room {
  /** A file of the room, below packages/. */
  file: string;
  refused: string[];
  allowed: string[];
}

const rooms: Room[] = [
  {
    file: 'protocol/src/probe.ts',
    refused: ['@madsci-ts/client', '@madsci-ts/manager', 'node:fs', 'fs', '../../client/src/index.ts'],
    allowed: ['typebox', './schema.ts'],
  },
  {
    file: 'client/src/probe.ts',
    refused: [
      '@madsci-ts/manager',
      '@madsci-ts/protocol/src/index.ts',
      'node:http',
      '../../protocol/src/index.ts',
    ],
    allowed: ['@madsci-ts/protocol', 'ky', './errors.ts'],
  },
  {
    file: 'manager/src/probe.ts',
    refused: [
      './app.ts',
      './http/server.ts',
      './settings/load.ts',
      './store/store.ts',
      './store/sqlite/store.ts',
      'node:sqlite',
      '@madsci-ts/client',
    ],
    allowed: ['@madsci-ts/protocol', 'node:fs'],
  },
  {
    file: 'manager/src/main.ts',
    refused: ['./http/server.ts', './store/sqlite/store.ts', './domain/experiments.ts', './settings/load.ts'],
    allowed: ['./app.ts', './cli/program.ts'],
  },
  {
    file: 'manager/src/app.ts',
    refused: ['./cli/program.ts', './main.ts', '@madsci-ts/client', 'node:sqlite'],
    allowed: ['./store/sqlite/store.ts', './http/server.ts', './domain/experiments.ts', './settings/load.ts'],
  },
  {
    file: 'manager/src/cli/probe.ts',
    refused: ['../http/server.ts', '../domain/experiments.ts', '../store/store.ts', '../main.ts', 'fastify'],
    allowed: ['../app.ts', '../settings/load.ts', '@madsci-ts/client', '@madsci-ts/protocol', 'commander'],
  },
  {
    file: 'manager/src/settings/probe.ts',
    refused: [
      '../app.ts',
      '../cli/x.ts',
      '../domain/x.ts',
      '../http/x.ts',
      '../store/store.ts',
      '@madsci-ts/client',
    ],
    allowed: ['@madsci-ts/protocol', 'node:process', 'yaml'],
  },
  {
    file: 'manager/src/http/routes/probe.ts',
    refused: [
      '../../app.ts',
      '../../cli/x.ts',
      '../../settings/load.ts',
      '../../store/sqlite/store.ts',
      '../../store/mongo/store.ts',
      'node:sqlite',
      'mongodb',
      '@madsci-ts/client',
    ],
    allowed: ['../../domain/experiments.ts', '../server.ts', 'fastify', '@madsci-ts/protocol'],
  },
  {
    file: 'manager/src/domain/probe.ts',
    refused: [
      '../app.ts',
      '../cli/x.ts',
      '../http/server.ts',
      '../settings/load.ts',
      '../store/sqlite/store.ts',
      '../store/mongo/store.ts',
      'fastify',
      'node:http',
      'node:sqlite',
      'mongodb',
      '@madsci-ts/client',
      'node:process',
    ],
    allowed: ['../store/store.ts', '@madsci-ts/protocol', 'ulid'],
  },
  {
    file: 'manager/src/backup/probe.ts',
    refused: [
      '../domain/x.ts',
      '../http/x.ts',
      '../app.ts',
      '../cli/x.ts',
      '../migrate/index.ts',
      '../settings/load.ts',
      'fastify',
      'node:process',
    ],
    allowed: ['../store/sqlite/open.ts', '../store/mongo/names.ts', 'node:sqlite', 'mongodb', 'yaml'],
  },
  {
    file: 'manager/src/migrate/probe.ts',
    refused: [
      '../domain/x.ts',
      '../http/x.ts',
      '../app.ts',
      '../cli/x.ts',
      '../settings/load.ts',
      'fastify',
      'node:process',
    ],
    allowed: [
      '../backup/index.ts',
      '../store/sqlite/open.ts',
      '../store/mongo/names.ts',
      'node:sqlite',
      'mongodb',
    ],
  },
  {
    file: 'manager/src/copy/probe.ts',
    refused: [
      '../app.ts',
      '../cli/x.ts',
      '../http/server.ts',
      '../domain/x.ts',
      '../settings/load.ts',
      '../store/sqlite/store.ts',
      '../store/mongo/archive.ts',
      'node:sqlite',
      'mongodb',
      'node:process',
    ],
    allowed: ['../store/archive.ts', '../store/store.ts', 'node:crypto'],
  },
  {
    file: 'manager/src/store/probe.ts',
    refused: ['./sqlite/store.ts', './mongo/store.ts', '../domain/x.ts', 'node:sqlite', 'mongodb'],
    allowed: ['@madsci-ts/protocol'],
  },
  {
    file: 'manager/src/store/sqlite/probe.ts',
    refused: [
      '../../domain/x.ts',
      '../../http/x.ts',
      '../../app.ts',
      '../../settings/x.ts',
      '../mongo/x.ts',
      'mongodb',
      'fastify',
    ],
    allowed: ['../store.ts', '@madsci-ts/protocol', 'node:sqlite', 'node:fs'],
  },
  {
    file: 'manager/src/store/mongo/probe.ts',
    refused: ['../../domain/x.ts', '../../http/x.ts', '../sqlite/x.ts', 'node:sqlite', 'fastify'],
    allowed: ['../store.ts', '@madsci-ts/protocol', 'mongodb'],
  },
];

/** Every room of the manager reads the environment through settings/ alone. */
const environment = [
  { file: 'manager/src/settings/environment.ts', refused: false },
  { file: 'manager/src/environment.ts', refused: true },
  ...['cli', 'http', 'domain', 'store', 'store/sqlite'].map((room) => ({
    file: `manager/src/${room}/environment.ts`,
    refused: true,
  })),
  { file: 'client/src/environment.ts', refused: true },
  { file: 'protocol/src/environment.ts', refused: true },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const importRules = ['eslint(no-restricted-imports)', 'import(no-nodejs-modules)'];

/** One file of the room an import, each form of import that can carry a value; the line is the import's index + 1. */
function importing(specifiers: string[]): string {
  return specifiers
    .map((specifier, index) =>
      index % 2 === 0
        ? `import { x as x${index} } from '${specifier}'; export const y${index} = x${index};`
        : `export { z as z${index} } from '${specifier}';`,
    )
    .join('\n');
}

interface Diagnostic {
  code: string;
  filename: string;
  labels: { span: { line: number } }[];
}

/** What oxlint says of the whole folder, whatever its exit code. */
function lint(folder: string): Promise<Diagnostic[]> {
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const { promise, resolve, reject } = Promise.withResolvers<Diagnostic[]>();
  execFile(oxlint, ['--format=json', '.'], { cwd: folder, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
    try {
      resolve((JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics);
    } catch {
      reject(new Error(`oxlint gave no report: ${stdout}${stderr}`, { cause: error }));
    }
  });
  return promise;
}

describe('rooms', () => {
  let folder: string;
  let found: Diagnostic[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rooms-'));
    const write = async (file: string, text: string) => {
      await mkdir(dirname(join(folder, 'packages', file)), { recursive: true });
      await writeFile(join(folder, 'packages', file), text);
    };
    await copyFile(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const { file, refused, allowed } of rooms) await write(file, importing([...refused, ...allowed]));
    for (const { file } of environment) await write(file, 'export const home = process.env.HOME;\n');
    found = await lint(folder);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const linesOf = (file: string, codes: string[]) =>
    new Set(
      found
        .filter(({ code, filename }) => codes.includes(code) && filename.endsWith(`packages/${file}`))
        .map(({ labels }) => labels[0]?.span.line),
    );

  for (const { file, refused, allowed } of rooms) {
    test(`${file} is refused ${refused.length} imports and allowed ${allowed.length}`, () => {
      const lines = linesOf(file, importRules);
      const imports = [...refused, ...allowed];
      assert.deepEqual(
        imports.filter((_, index) => lines.has(index + 1)),
        refused,
      );
    });
  }

  for (const { file, refused } of environment) {
    test(`${file} ${refused ? 'may not' : 'may'} read the environment`, () => {
      assert.equal(
        linesOf(file, ['node(no-process-env)', 'eslint-plugin-node(no-process-env)']).size,
        refused ? 1 : 0,
      );
    });
  }
});
