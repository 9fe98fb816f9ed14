/** Copies between stores, through the command line: equal record by record, also after kills; never over somebody else's runs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openMongoArchive } from '../packages/manager/src/store/mongo/archive.ts';
import { openMongoStore } from '../packages/manager/src/store/mongo/store.ts';
import { openSqliteArchive } from '../packages/manager/src/store/sqlite/archive.ts';
import { openSqliteStore } from '../packages/manager/src/store/sqlite/store.ts';
import { StoreError } from '../packages/manager/src/store/store.ts';
import { createCli, type Cli } from './support/cli.ts';
import { commandOf, runIn } from '../packages/manager/test/store/samples.ts';
import { contentOf, fill, fillSqlite, readAll, seenOf } from './support/copies.ts';
import { MongoClient } from 'mongodb';
import { startFerretDb, type FerretDb } from './support/ferretdb.ts';
import { chooseSeeds, withSeed, type Random } from './support/random.ts';

const soak = process.env['SOAK'] === '1';
/** Kills that hit a copy at work. */
const wantedKills = soak ? 60 : 2;
/** Copies made for that, each killed three times at most. */
const mostRounds = soak ? 120 : 10;
const runs = 1200;

async function contentOfFile(path: string) {
  const archive = await openSqliteArchive(path, { create: false, undeliveredSince: 0 });
  try {
    return await contentOf(archive);
  } finally {
    await archive.close();
  }
}

async function countsOfFile(path: string) {
  const store = await openSqliteStore(path);
  try {
    return await store.counts();
  } finally {
    await store.close();
  }
}

/** A folder with a filled database. */
async function prepared(t: TestContext, size: number) {
  const cli = await createCli(t);
  const source = join(cli.folder, 'source.db');
  await fillSqlite(source, size);
  return { cli, source, target: join(cli.folder, 'target.db') };
}

interface Report {
  was: string;
  records: Record<string, { records: number; sha256: string }>;
  runs_by_status: Record<string, number>;
}

async function copied(cli: Cli, from: string, to: string, more: string[] = []): Promise<Report> {
  const { code, stdout, stderr } = await cli.run(['copy', '--from', from, '--to', to, '--json', ...more]);
  assert.deepEqual([code, stderr], [0, '']);
  return JSON.parse(stdout) as Report;
}

async function refused(cli: Cli, from: string, to: string, reason: RegExp, more: string[] = []) {
  const { code, stdout, stderr } = await cli.run(['copy', '--from', from, '--to', to, ...more]);
  assert.equal(code, 1, stdout);
  assert.match(stderr, reason);
  assert.doesNotMatch(stderr, /fault of the program/);
}

interface Killing {
  cli: Cli;
  args: string[];
  /** Something that every written page of the target changes. */
  trace: () => Promise<string>;
  /** How long an undisturbed copy works. */
  workMs: number;
  random: Random;
}

/** Runs the copy and kills it while it works, three times at most; `killed` comes after each kill. Then it comes to its end. */
async function killUntilComplete(killing: Killing, killed: () => Promise<void>) {
  const { cli, args, random, workMs } = killing;
  for (let kills = 0; kills < 3; kills++) {
    const child = cli.spawn(args);
    child.stdout?.resume();
    child.stderr?.resume();
    const exit = once(child, 'exit') as Promise<[number | null]>;
    await Promise.race([exit, whenWorking(killing)]);
    await Promise.race([exit, delay(random.below(workMs * 0.7), undefined, { ref: false })]);
    child.kill('SIGKILL');
    if ((await exit)[0] === 0) return;
    await killed();
  }
  const { code, stderr } = await cli.run(args);
  assert.equal(code, 0, stderr);
}

async function whenWorking({ trace }: Pick<Killing, 'trace'>) {
  const untouched = await trace();
  const deadline = performance.now() + 20_000;
  while ((await trace()) === untouched && performance.now() < deadline) await delay(5);
}

/** How long an undisturbed copy takes from its first written page on. */
async function measure(cli: Cli, args: string[], trace: Killing['trace']): Promise<number> {
  const began = whenWorking({ trace }).then(() => performance.now());
  const { code, stderr } = await cli.run(args);
  assert.equal(code, 0, stderr);
  return performance.now() - (await began);
}

describe('SQLite to SQLite', () => {
  test('everything is copied record by record, and said with counts and checksums', async (t) => {
    const { cli, source, target } = await prepared(t, 100);
    const report = await copied(cli, `sqlite:${source}`, `sqlite:${target}`);
    const [expected, found] = [await contentOfFile(source), await contentOfFile(target)];
    assert.deepEqual(found, expected);
    assert.deepEqual(await countsOfFile(target), await countsOfFile(source));
    assert.equal(report.was, 'new');
    for (const [kind, { records, sha256 }] of Object.entries(report.records)) {
      assert.equal(records, expected[kind as keyof typeof expected].length, kind);
      assert.ok(records > 0 && /^[0-9a-f]{64}$/.test(sha256), kind);
    }
    const again = await copied(cli, `sqlite:${source}`, `sqlite:${target}`);
    assert.deepEqual(again, { ...report, was: 'equal' });
  });

  test('the copy goes on working: keys are remembered, events sent in order, commands accepted', async (t) => {
    const { cli, source, target } = await prepared(t, 20);
    await copied(cli, `sqlite:${source}`, `sqlite:${target}`);
    for (const path of [source, target]) {
      const store = await openSqliteStore(path);
      const [text] = await store.runs({ limit: 1 });
      await store.start({
        at: '2030-01-01T00:00:00.000Z',
        actor: 'a',
        reason: null,
        request_id: 'r',
        run: { ...JSON.parse(text ?? ''), _id: 'NEW', started_at: '2030-01-01T00:00:00.000Z' },
        event: { event_id: 'last', event_type: 'experiment_start' },
      });
      assert.equal((await store.events(1000)).at(-1)?.event_id, 'last');
      assert.equal((await store.undelivered(0)).length, 1);
      await store.close();
    }
    assert.deepEqual(await contentOfFile(target), await contentOfFile(source));
  });

  test('a target with other runs, a missing source and a file of another program are refused', async (t) => {
    const { cli, source, target } = await prepared(t, 5);
    await fillSqlite(target, 5);
    const untouched = await contentOfFile(target);
    await refused(cli, `sqlite:${source}`, `sqlite:${target}`, /holds other records already/);
    assert.deepEqual(await contentOfFile(target), untouched);
    await refused(cli, 'sqlite:none.db', 'sqlite:new.db', /There is no database .*none\.db/);
    assert.ok(!existsSync(join(cli.folder, 'none.db')));
    const foreign = join(cli.folder, 'foreign.db');
    new DatabaseSync(foreign).exec('CREATE TABLE t (x)');
    await refused(cli, `sqlite:${source}`, `sqlite:${foreign}`, /belongs to another program/);
    await refused(cli, `sqlite:${source}`, `sqlite:${source}`, /are the same/);
  });

  test('a database that a manager uses is refused, as source and as target', async (t) => {
    const { cli, source, target } = await prepared(t, 5);
    await fillSqlite(target, 5);
    const store = await openSqliteStore(source);
    try {
      await refused(cli, `sqlite:${source}`, `sqlite:${target}`, /in use by another experiment manager/);
      await refused(cli, `sqlite:${target}`, `sqlite:${source}`, /in use by another experiment manager/);
    } finally {
      await store.close();
    }
  });

  test('a target that holds the unfinished copy of another source is refused', async (t) => {
    const { cli, source, target } = await prepared(t, 5);
    const archive = await openSqliteArchive(target, { create: true, undeliveredSince: 0 });
    await archive.begin({ from: 'sqlite:/elsewhere.db', kind: 'run' });
    await archive.close();
    await refused(cli, `sqlite:${source}`, `sqlite:${target}`, /unfinished copy of sqlite:\/elsewhere\.db/);
    await refused(cli, `sqlite:${target}`, `sqlite:new.db`, /is itself an unfinished copy/);
  });

  test('a source that changed between a break and the second try is told, and nothing is removed', async (t) => {
    const { cli, source, target } = await prepared(t, 5);
    const [from, to] = [
      await openSqliteArchive(source, { create: false, undeliveredSince: 0 }),
      await openSqliteArchive(target, { create: true, undeliveredSince: 0 }),
    ];
    const records = await readAll(from, 'run');
    await to.begin({ from: `sqlite:${source}`, kind: 'run' });
    await to.put('run', records, { from: `sqlite:${source}`, kind: 'campaign' });
    await Promise.all([from.close(), to.close()]);
    await fillSqlite(source, 3);
    await refused(
      cli,
      `sqlite:${source}`,
      `sqlite:${target}`,
      /differ \(run, history, .*remove the target and copy again/,
    );
    await refused(cli, `sqlite:${source}`, `sqlite:${target}`, /differ/);
    assert.equal((await contentOfFile(target)).run.length, records.length);
  });
});

describe('SQLite to MongoDB and back', () => {
  let server: FerretDb;

  before(async () => {
    server = await startFerretDb();
  });
  after(() => server.stop());

  const openMongo = (database: string) => {
    const place = { url: server.url, database, collection: 'experiments' };
    return openMongoArchive(place, { create: false, undeliveredSince: 0 });
  };

  test('all three are equal record by record', async (t) => {
    const { cli, source, target } = await prepared(t, 150);
    const there = ['--to-database', 'all'];
    const to = await copied(cli, `sqlite:${source}`, server.url, there);
    assert.deepEqual((await copied(cli, `sqlite:${source}`, server.url, there)).was, 'equal');
    const back = await copied(cli, server.url, `sqlite:${target}`, ['--from-database', 'all']);
    const expected = await contentOfFile(source);
    const archive = await openMongo('all');
    assert.deepEqual(await contentOf(archive), expected);
    await archive.close();
    assert.deepEqual(await contentOfFile(target), expected);
    assert.deepEqual(back.records, to.records);
    assert.deepEqual(await countsOfFile(target), await countsOfFile(source));
  });

  test('what a manager wrote there comes over as the manager reads it', async (t) => {
    const cli = await createCli(t);
    const place = { url: server.url, database: 'written', collection: 'experiments' };
    const store = await openMongoStore(place);
    await fill(store, 40);
    const [{ _id: id }] = [await runIn(store, 'paused')];
    for (let count = 0; count < 70; count++)
      await store.command(commandOf(id, count % 2 ? 'pause' : 'continue'));
    await store.close();
    // Opened again: until then a manager remembers more of its events than it keeps.
    const reopened = await openMongoStore(place);
    const expected = await seenOf(reopened);
    await reopened.close();
    const target = join(cli.folder, 'target.db');
    await copied(cli, server.url, `sqlite:${target}`, ['--from-database', 'written']);
    const copy = await openSqliteStore(target);
    assert.deepEqual(await seenOf(copy), expected);
    await copy.close();
    await copied(cli, `sqlite:${target}`, server.url, ['--to-database', 'again']);
    const again = await openMongoStore({ ...place, database: 'again' });
    assert.deepEqual(await seenOf(again), expected);
    await again.close();
  });

  test('a database with other runs and one that is not there are refused', async (t) => {
    const { cli, source } = await prepared(t, 5);
    await copied(cli, `sqlite:${source}`, server.url, ['--to-database', 'taken']);
    const other = join(cli.folder, 'other.db');
    await fillSqlite(other, 5);
    await refused(cli, `sqlite:${other}`, server.url, /holds other records already/, [
      '--to-database',
      'taken',
    ]);
    await refused(cli, server.url, 'sqlite:new.db', /There is no database nowhere at/, [
      '--from-database',
      'nowhere',
    ]);
  });

  test('a copy that is killed ends, run again, as an undisturbed one, and no manager starts on it before', async (t) => {
    const { cli, source } = await prepared(t, 100);
    const expected = await contentOfFile(source);
    const client = new MongoClient(server.url);
    t.after(() => client.close());
    const traceOf = (database: string) => async () =>
      JSON.stringify(await client.db(database).collection('experiments_copy').findOne());
    const argsTo = (database: string) => [
      'copy',
      '--from',
      `sqlite:${source}`,
      '--to',
      server.url,
      '--to-database',
      database,
    ];
    const workMs = await measure(cli, argsTo('undisturbed'), traceOf('undisturbed'));
    const found = { kills: 0, unfinished: 0 };
    for (const seed of chooseSeeds(mostRounds)) {
      if (found.unfinished >= wantedKills) break;
      await withSeed(seed, async (random) => {
        const database = `killed_${seed}`;
        const killing = { cli, args: argsTo(database), trace: traceOf(database), workMs, random };
        await killUntilComplete(killing, async () => {
          found.kills++;
          const place = { url: server.url, database, collection: 'experiments' };
          const archive = await openMongoArchive(place, { create: true, undeliveredSince: 0 });
          const mark = await archive.mark();
          await archive.close();
          if (mark === undefined) return;
          found.unfinished++;
          await assert.rejects(openMongoStore(place), /holds an unfinished copy of sqlite:/);
        });
        const archive = await openMongo(database);
        assert.deepEqual(await contentOf(archive), expected);
        await archive.close();
      });
    }
    assert.ok(found.unfinished > 0, `of ${found.kills} kills one at least hit the work`);
    t.diagnostic(`${found.kills} kills, ${found.unfinished} of them while it copied or checked`);
  });
});

describe('a copy that is killed', () => {
  test('ends, run again, as an undisturbed one', async (t) => {
    const { cli, source, target } = await prepared(t, runs);
    const undisturbed = join(cli.folder, 'undisturbed.db');
    const traceOf = (path: string) => async () => {
      const wal = await stat(`${path}-wal`).catch(() => undefined);
      return `${wal?.size} ${wal?.mtimeMs}`;
    };
    const argsTo = (path: string) => ['copy', '--from', `sqlite:${source}`, '--to', `sqlite:${path}`];
    const workMs = await measure(cli, argsTo(undisturbed), traceOf(undisturbed));
    const expected = await contentOfFile(undisturbed);
    assert.deepEqual(expected, await contentOfFile(source));
    const found = { kills: 0, unfinished: 0 };
    for (const seed of chooseSeeds(mostRounds)) {
      if (found.unfinished >= wantedKills) break;
      await withSeed(seed, async (random) => {
        for (const name of ['', '-wal', '-shm', '-manager']) await rm(`${target}${name}`, { force: true });
        const killing = { cli, args: argsTo(target), trace: traceOf(target), workMs, random };
        await killUntilComplete(killing, async () => {
          found.kills++;
          if (await refusesManager(target)) found.unfinished++;
        });
        assert.deepEqual(await contentOfFile(target), expected);
        assert.deepEqual(await countsOfFile(target), await countsOfFile(undisturbed));
      });
    }
    assert.ok(found.unfinished > 0, `of ${found.kills} kills one at least hit the work`);
    t.diagnostic(`${found.kills} kills, ${found.unfinished} of them while it copied or checked`);
  });

  /** Whether the file holds an unfinished copy; a manager must not start on it then. */
  async function refusesManager(path: string): Promise<boolean> {
    if (!existsSync(path)) return false;
    const archive = await openSqliteArchive(path, { create: false, undeliveredSince: 0 });
    const mark = await archive.mark();
    await archive.close();
    if (mark === undefined) return false;
    await assert.rejects(openSqliteStore(path), (error) => {
      return error instanceof StoreError && /holds an unfinished copy of sqlite:/.test(error.message);
    });
    return true;
  }
});
