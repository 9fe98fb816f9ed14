/** /openapi.json against the server: a generator makes requests of the document, and every reply must be as documented. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startManager } from './support/manager.ts';
import { projectRoot } from './support/once.ts';
import { ensureVenv } from './support/python.ts';

/** Set by `npm run soak`: another seed each time, and ten times as many requests. */
const isSoak = process.env['SOAK'] === '1';
const seed = isSoak ? Date.now() % 1_000_000 : 1;
const examples = isSoak ? 400 : 25;
const timeoutMs = isSoak ? 30 * 60_000 : 5 * 60_000;

interface Run {
  code: number | string;
  output: string;
}

/** Runs the generator with all its checks and phases in an empty folder. */
async function generate(url: string): Promise<Run> {
  const { program } = await ensureVenv('schemathesis');
  const folder = await mkdtemp(join(tmpdir(), 'generated-'));
  const parameters = [
    'run',
    `${url}/openapi.json`,
    '--checks',
    'all',
    '--phases',
    'examples,coverage,fuzzing,stateful',
  ];
  const bounds = [
    '--seed',
    String(seed),
    '--max-examples',
    String(examples),
    '--generation-database',
    'none',
  ];
  const hooks = { SCHEMATHESIS_HOOKS: 'schemathesis_hooks', PYTHONPATH: join(projectRoot, 'test', 'python') };
  const options = { cwd: folder, env: { ...process.env, ...hooks }, timeout: timeoutMs, maxBuffer: 2 ** 28 };
  const { promise, resolve } = Promise.withResolvers<Run>();
  execFile(
    program('schemathesis'),
    [...parameters, ...bounds, '--no-color'],
    options,
    (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error === null ? 0 : 'killed'), output: `${stdout}${stderr}` }),
  );
  const run = await promise;
  await rm(folder, { recursive: true, force: true });
  return run;
}

/** How often each operation was answered with 200, by `METHOD path`. */
function successes(log: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [, method, path = ''] of log.matchAll(/"method":"(\w+)","url":"([^"?]*)[^"]*","status":200/g)) {
    const operation = `${method} ${path.replace(/^\/(experiment|campaign)\/[^/]+/, '/$1/{id}')}`;
    found.set(operation, (found.get(operation) ?? 0) + 1);
  }
  return found;
}

test('the document is valid OpenAPI 3.1', async () => {
  await using manager = await startManager();
  const document = (await (await fetch(`${manager.url}/openapi.json`)).json()) as Record<string, unknown>;
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, '3.1');
});

test(`generated requests find no fault (seed ${seed}, ${examples} of each kind)`, async () => {
  await using manager = await startManager();
  const document = (await (await fetch(`${manager.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const { code, output } = await generate(manager.url);
  assert.equal(code, 0, output);
  assert.match(output, /Selected: (\d+)\/\1/);
  const cases = Number(/(\d+) generated, \1 passed/.exec(output)?.[1]);
  assert.ok(cases > 1000, `only ${cases} requests were generated:\n${output}`);
  const found = successes((await manager.stop()).stderr);
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of Object.keys(operations)) {
      const operation = `${method.toUpperCase()} ${path}`;
      const wanted = path.includes('{id}') ? 5 : 1;
      assert.ok(
        (found.get(operation) ?? 0) >= wanted,
        `${operation} was answered with 200 ${found.get(operation) ?? 0} times only`,
      );
    }
  }
});
