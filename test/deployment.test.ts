/** The deployment files: read by the tools that know them, and the image's own commands run in an empty folder. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { loadSettings } from '../packages/manager/src/settings/index.ts';
import { runCommand } from './support/command.ts';
import { ensureComposeCheck, ensureHadolint, findSystemdAnalyze } from './support/deployment.ts';
import { cleanEnvironment } from './support/manager.ts';
import { projectRoot } from './support/once.ts';
import { findFreePort } from './support/server-process.ts';

const timeoutMs = 120_000;
const inRoot = (...path: string[]) => join(projectRoot, ...path);

interface Service {
  image: string;
  environment?: Record<string, string | null>;
  ports?: { host_ip?: string; target: number; published: string }[];
  networks: Record<string, unknown>;
  read_only?: boolean;
}

interface Project {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
}

/** The project as compose understands it with one of the files in deploy/. */
async function compose(envFile?: string): Promise<Project> {
  const variables = envFile === undefined ? {} : parseEnv(await readFile(inRoot(envFile), 'utf8'));
  const { COMPOSE_PROFILES = '', ...rest } = variables as Record<string, string>;
  const profiles = COMPOSE_PROFILES === '' ? [] : COMPOSE_PROFILES.split(',');
  const env = cleanEnvironment(rest);
  const parameters = [inRoot('compose.yaml'), ...profiles];
  return JSON.parse(await runCommand(await ensureComposeCheck(), parameters, { env, timeoutMs })) as Project;
}

describe('compose.yaml', () => {
  const cases: [string | undefined, string[]][] = [
    [undefined, ['manager']],
    ['deploy/ferretdb.env', ['ferretdb', 'manager']],
    ['deploy/mongodb.env', ['manager', 'mongodb-1', 'mongodb-2', 'mongodb-3', 'mongodb-setup']],
  ];
  for (const [envFile, services] of cases) {
    test(`${envFile ?? 'without more'} starts ${services.join(', ')}`, async () => {
      const project = await compose(envFile);
      assert.deepEqual(Object.keys(project.services).toSorted(), services);
      const { manager } = project.services;
      assert.ok(manager !== undefined && manager.read_only === true);
      assert.deepEqual(
        manager.ports?.map(({ host_ip, target }) => [host_ip, target]),
        [['127.0.0.1', 8002]],
      );
      const { settings } = loadSettings({ env: manager.environment as NodeJS.ProcessEnv, cwd: '/nowhere' });
      const kind = envFile === undefined ? 'sqlite' : 'mongodb';
      assert.equal(settings.store.kind, kind);
      assert.equal(settings.context.event_server_url, null);
      if (settings.store.kind === 'mongodb') assertHostsAre(settings.store.url, project);
    });
  }

  test('a database is reached by the manager alone', async () => {
    const { services, networks } = await compose('deploy/mongodb.env');
    assert.equal(networks['databases']?.internal, true);
    for (const [name, service] of Object.entries(services)) {
      if (name === 'manager') continue;
      assert.deepEqual(Object.keys(service.networks), ['databases'], name);
      assert.equal(service.ports, undefined, name);
    }
  });

  test('its checker refuses what compose does not know', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'compose-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const text = await readFile(inRoot('compose.yaml'), 'utf8');
    const broken = join(folder, 'compose.yaml');
    await writeFile(broken, text.replace('restart: unless-stopped\n    stop', 'restarts: always\n    stop'));
    await assert.rejects(runCommand(await ensureComposeCheck(), [broken], { timeoutMs }), /restarts/);
  });
});

function assertHostsAre(url: string, { services }: Project) {
  const hosts = (/^mongodb:\/\/([^/]+)/.exec(url)?.[1] ?? '').split(',').map((host) => host.split(':')[0]);
  for (const host of hosts) assert.ok(host !== undefined && Object.hasOwn(services, host), host);
}

test('hadolint finds nothing in the Dockerfile', async () => {
  await runCommand(await ensureHadolint(), [inRoot('Dockerfile')], { timeoutMs });
});

test('systemd understands the unit and finds it well shut off', async (t) => {
  const analyze = await findSystemdAnalyze();
  const folder = await mkdtemp(join(tmpdir(), 'unit-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const text = await readFile(inRoot('deploy', 'madsci-experiments.service'), 'utf8');
  const unit = join(folder, 'madsci-experiments.service');
  // Its programs have to be there: the clone is here instead of in /opt.
  await writeFile(unit, text.replaceAll('/opt/madsci-experiments/', projectRoot));
  await runCommand(analyze, ['verify', '--man=no', unit], { timeoutMs });
  await runCommand(analyze, ['security', '--offline=true', '--threshold=20', unit], { timeoutMs });
});

/** The Dockerfile's instructions, each on one line. */
async function instructions(): Promise<string[]> {
  const text = (await readFile(inRoot('Dockerfile'), 'utf8')).replaceAll(/^#.*\n/gm, '');
  return text
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter(Boolean);
}

/** What `COPY . .` would see of the clone, as .dockerignore lets it through. */
async function copyContext(paths: string[], to: string) {
  for (const path of paths) {
    const skip = /(^|\/)(node_modules|dist)(\/|$)|\.test\.ts$/;
    await cp(inRoot(path), join(to, path), {
      recursive: true,
      filter: (source) => !skip.test(source.slice(projectRoot.length)),
    });
  }
}

/** Does what one stage of the Dockerfile says, below `folder` for `/app`. */
async function runStage(lines: string[], folder: string) {
  const node = dirname(process.execPath);
  const env = { ...cleanEnvironment(), PATH: `${node}:${process.env['PATH']}` };
  for (const line of lines) {
    const copied = /^COPY (?!--)(.+) (\S+)$/.exec(line);
    if (copied !== null) await copyContext((copied[1] ?? '').split(' '), folder);
    const run = /^RUN (.+)$/.exec(line)?.[1];
    if (run !== undefined) await runCommand('sh', ['-ec', run], { cwd: folder, env, timeoutMs });
  }
}

test("the image's own commands build a manager that starts, is healthy and stops", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'image-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const stages = new Map<string, string[]>();
  for (const line of await instructions()) {
    const from = /^FROM \S+(?: AS (\S+))?$/.exec(line);
    if (from !== null) stages.set(from[1] ?? 'final', []);
    else [...stages.values()].at(-1)?.push(line);
  }
  const stage = (name: string) => stages.get(name) ?? assert.fail(`the Dockerfile has a stage ${name}`);
  const [build, app, data] = ['build', 'app', 'data'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [build, app, data]) await mkdir(path);
  await runStage(stage('build'), build);
  const finished = stage('final').filter((line) => line.startsWith('COPY --from=build'));
  assert.ok(finished.length > 0);
  for (const line of finished) {
    const [, , from = '', to = ''] = line.split(' ');
    await rename(from.replace('/app', build), join(app, to));
  }
  await serveAndAsk(app, data, stage('final'));
});

async function serveAndAsk(app: string, data: string, final: string[]) {
  const bin = join(app, 'bin');
  await mkdir(bin);
  await symlink(process.execPath, join(bin, 'node'));
  await symlink(join(app, 'node_modules/.bin/madsci-experiments'), join(bin, 'madsci-experiments'));
  const url = `http://127.0.0.1:${await findFreePort()}/`;
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    EXPERIMENT_SERVER_URL: url,
    EXPERIMENT_DB_URL: `sqlite:${join(data, 'experiments.db')}`,
  };
  const healthcheck = JSON.parse(
    / CMD (\[.+\])$/.exec(final.find((line) => line.startsWith('HEALTHCHECK')) ?? '')?.[1] ?? '',
  ) as string[];
  const [program = '', ...parameters] = healthcheck;
  const ask = (...more: string[]) =>
    runCommand(program, [...parameters, ...more], { cwd: data, env, timeoutMs });
  await assert.rejects(ask('--timeout', '1'), 'unhealthy before it runs');

  const child = spawn(join(bin, 'madsci-experiments'), ['serve'], { cwd: data, env, stdio: 'ignore' });
  const exit = once(child, 'exit');
  try {
    const deadline = performance.now() + timeoutMs;
    const answers = () =>
      fetch(`${url}health`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await answers())) {
      assert.ok(child.exitCode === null && performance.now() < deadline, 'it serves');
      await delay(50);
    }
    assert.match(await ask(), /Healthy +yes/);
  } finally {
    child.kill('SIGTERM');
  }
  assert.deepEqual(await exit, [0, null]);
}
