/** Backups of both stores: made under load, restored, refused where they are damaged or foreign. */
import assert from 'node:assert/strict';
import { chmod, cp, mkdtemp, open, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test, type TestContext } from 'node:test';
import { createCli, type Cli } from './support/cli.ts';
import { assertConsistent, keepWriting } from './support/consistency.ts';
import { startFerretDb, type FerretDb } from './support/ferretdb.ts';
import { startManager } from './support/manager.ts';
import { ensureMongoTools } from './support/tools.ts';

let ferret: FerretDb;
let tools: string;

before(async () => {
  [ferret, tools] = await Promise.all([startFerretDb(), ensureMongoTools()]);
});
after(() => ferret.stop());

interface Place {
  /** Settings that choose the database. */
  env: Record<string, string>;
  /** Name of the database in the backup. */
  database: string;
  /** A data file of a backup. */
  file: string;
}

const withTools = () => ({ PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}` });

const places: Record<string, () => Promise<Place>> = {
  SQLite: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backup-'));
    const env = { EXPERIMENT_DB_URL: `sqlite:${join(folder, 'lab.db')}` };
    return { env, database: 'lab', file: 'lab.sqlite' };
  },
  MongoDB: async () => {
    const database = `lab_${Date.now()}_${Math.floor(Math.random() * 1e6)}`;
    const env = { EXPERIMENT_DB_URL: ferret.url, EXPERIMENT_DATABASE_NAME: database, ...withTools() };
    return { env, database, file: 'experiments.bson' };
  },
};

/** Runs a command that must succeed; resolves to what it says as JSON. */
async function ran<T>(cli: Cli, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli.run([...args, '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

async function refused(cli: Cli, expected: RegExp, ...args: string[]): Promise<void> {
  const { code, stderr } = await cli.run(args);
  assert.match(stderr, expected);
  assert.doesNotMatch(stderr, /fault of the program/);
  assert.equal(code, 1);
}

const backUp = async (cli: Cli, ...args: string[]) =>
  (await ran<{ path: string }>(cli, 'backup', 'create', ...args)).path;

/** A stopped manager's database with so many runs, and a command line for it. */
async function filled(t: TestContext, place: Place, runs: number): Promise<Cli> {
  const cli = await createCli(t, place.env);
  await using manager = await startManager({ env: place.env });
  const stop = new AbortController();
  const writing = keepWriting(manager.url, stop.signal, 1);
  while ((await countRuns(manager.url)) < runs) await delay(20);
  stop.abort();
  await writing;
  await manager.stop();
  return cli;
}

async function countRuns(url: string): Promise<number> {
  const health = (await (await fetch(`${url}/health`)).json()) as { total_experiments: number };
  return health.total_experiments;
}

for (const [kind, makePlace] of Object.entries(places)) {
  describe(`backups of ${kind}`, () => {
    test('made while runs change, each restores to runs whose history and status agree', async (t) => {
      const place = await makePlace();
      const cli = await createCli(t, place.env);
      const paths: string[] = [];
      {
        await using manager = await startManager({ env: place.env });
        const stop = new AbortController();
        const writing = keepWriting(manager.url, stop.signal);
        while ((await countRuns(manager.url)) < 10) await delay(20);
        for (let number = 0; number < 2; number++)
          paths.push(await backUp(cli, '--name-suffix', `n${number}`));
        await refused(cli, /experiment manager/, 'backup', 'restore', paths[0] ?? '');
        stop.abort();
        assert.ok((await writing) >= 10);
        await manager.stop();
      }
      const sizes: number[] = [];
      for (const path of paths) {
        const { before: safety } = await ran<{ before: string }>(cli, 'backup', 'restore', path);
        assert.ok((await stat(safety)).isDirectory());
        await using manager = await startManager({ env: place.env });
        sizes.push(await assertConsistent(manager.url));
        await manager.stop();
      }
      assert.ok((sizes[0] ?? 0) >= 10 && (sizes[1] ?? 0) >= (sizes[0] ?? 0), String(sizes));
    });

    test('damaged and foreign ones are refused with the reason, and the database stays', async (t) => {
      const place = await makePlace();
      const cli = await filled(t, place, 5);
      const good = await backUp(cli);
      const folder = await mkdtemp(join(tmpdir(), 'damaged-'));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const damaged = async (name: string, damage: (file: string) => Promise<void>) => {
        const copy = join(folder, name);
        await cp(good, copy, { recursive: true });
        await damage(join(copy, place.database, place.file));
        return copy;
      };
      const cases: [RegExp, string][] = [
        [/is truncated, it has \d+ bytes instead of/, await damaged('truncated', cutHalf)],
        [/SHA-256 checksum of \S+ differs/, await damaged('flipped', flipBit)],
        [/is missing/, await damaged('missing', (file) => rm(file))],
        [/is no backup/, folder],
        [/is a backup of the \S+ database other_lab, not of/, await foreign(good, join(folder, 'foreign'))],
      ];
      await refused(cli, /is truncated/, 'backup', 'validate', join(folder, 'truncated'));
      for (const [reason, path] of cases) {
        await refused(cli, reason, 'backup', 'restore', path);
      }
      const entries = await ran<{ valid: boolean }[]>(cli, 'backup', 'list');
      assert.deepEqual(
        entries.map(({ valid }) => valid),
        [true],
      );
      await using manager = await startManager({ env: place.env });
      assert.ok((await assertConsistent(manager.url)) >= 5);
    });

    test('are listed, tried out, deleted, and the newest ten are kept', async (t) => {
      const place = await makePlace();
      const cli = await filled(t, place, 1);
      const good = await backUp(cli, '--no-validate');
      const older = (number: number) => join(good, '..', `${place.database}_backup_2020010${number}_000000`);
      for (let number = 0; number < 10; number++) await cp(good, older(number), { recursive: true });
      await rm(good, { recursive: true });
      await backUp(cli, '--name-suffix', 'newest');
      const entries = await ran<{ name: string; path: string }[]>(cli, 'backup', 'list');
      assert.equal(entries.length, 10);
      assert.ok(!entries.some(({ path }) => path === older(0)));
      const [newest] = entries;
      assert.ok(newest);
      assert.match(newest.name, new RegExp(`^${place.database}_backup_\\d{8}_\\d{6}_newest$`));
      await ran(cli, 'backup', 'validate', newest.name);
      await refused(cli, /give --force/, 'backup', 'delete', newest.name);
      await ran(cli, 'backup', 'delete', newest.name, '--force');
      assert.equal((await ran<unknown[]>(cli, 'backup', 'list')).length, 9);
    });
  });
}

async function cutHalf(file: string): Promise<void> {
  await truncate(file, Math.floor((await stat(file)).size / 2));
}

async function flipBit(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  const byte = Buffer.alloc(1);
  const at = Math.floor(size / 2);
  await handle.read(byte, 0, 1, at);
  byte.writeUInt8(byte.readUInt8(0) ^ 1);
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

/** The same backup as another laboratory's would be. */
async function foreign(good: string, copy: string): Promise<string> {
  await cp(good, copy, { recursive: true });
  const file = join(copy, 'backup_metadata.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...manifest, database_name: 'other_lab' }));
  return copy;
}

test('an SQLite file that is too damaged to be backed up is kept beside the restored one', async (t) => {
  const place = await (places['SQLite'] ?? assert.fail)();
  const cli = await filled(t, place, 3);
  const good = await backUp(cli);
  const path = (place.env['EXPERIMENT_DB_URL'] ?? '').slice('sqlite:'.length);
  await cutHalf(path);
  const { before: aside } = await ran<{ before: string }>(cli, 'backup', 'restore', good);
  assert.match(aside, /\.damaged_/);
  assert.ok((await stat(aside)).isFile());
  await using manager = await startManager({ env: place.env });
  assert.ok((await assertConsistent(manager.url)) >= 3);
});

test('no secret is on a command line or in a message; missing tools are named', async (t) => {
  const place = await (places['MongoDB'] ?? assert.fail)();
  const cli = await filled(t, place, 1);
  const spy = await mkdtemp(join(tmpdir(), 'spy-'));
  t.after(() => rm(spy, { recursive: true, force: true }));
  for (const tool of ['mongodump', 'mongorestore']) {
    const script = `#!/bin/sh\necho "$0 $@" >> ${spy}/log\nls -l "$2" >> ${spy}/log\nexec ${join(tools, tool)} "$@"\n`;
    await writeFile(join(spy, tool), script);
    await chmod(join(spy, tool), 0o755);
  }
  const PATH = `${spy}${delimiter}${process.env['PATH'] ?? ''}`;
  const TMPDIR = await mkdtemp(join(spy, 'tmp-'));
  const made = await cli.run(['backup', 'create'], { env: { PATH, TMPDIR } });
  assert.equal(made.code, 0, made.stderr);
  const log = await readFile(join(spy, 'log'), 'utf8');
  assert.match(log, /mongodump --config/);
  assert.match(log, /mongorestore --config/);
  assert.doesNotMatch(log, /mongodb:\/\//);
  assert.match(log, /^-rw-------/m);

  const url = ferret.url.replace('//', '//anna:open%20sesame@');
  const wrong = await cli.run(['backup', 'create'], { env: { EXPERIMENT_DB_URL: url, TMPDIR } });
  assert.equal(wrong.code, 1);
  assert.doesNotMatch(wrong.stderr + wrong.stdout, /sesame|anna/);

  const without = await cli.run(['backup', 'create'], { env: { PATH: '/nowhere', TMPDIR } });
  assert.equal(without.code, 1);
  assert.match(without.stderr, /mongodump was not found.*mongodb-database-tools/);
  assert.deepEqual(await readdir(TMPDIR), []);
});
