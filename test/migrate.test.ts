/** Databases written by the real MADSci servers: refused, migrated, served, given back; killed in between. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test, type TestContext } from 'node:test';
import { BSON, MongoClient, ObjectId } from 'mongodb';
import { createCli, type Cli } from './support/cli.ts';
import { assertConsistent } from './support/consistency.ts';
import { startFerretDb, type FerretDb } from './support/ferretdb.ts';
import { fillMadsci, listRuns, readRuns, type WireRun } from './support/madsci-runs.ts';
import { startMadsci } from './support/madsci-server.ts';
import { startManager } from './support/manager.ts';
import type { MadsciVersion } from './support/python.ts';
import { ensureMongoTools } from './support/tools.ts';

const soak = process.env['SOAK'] === '1';
const kills = soak ? 60 : 2;
const zone = 'America/Chicago';
const database = 'madsci_experiments';

let ferret: FerretDb;
let tools: string;

before(async () => {
  [ferret, tools] = await Promise.all([startFerretDb(), ensureMongoTools()]);
});
after(() => ferret.stop());

const environment = (name = database) => ({
  EXPERIMENT_DB_URL: ferret.url,
  EXPERIMENT_DATABASE_NAME: name,
  PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}`,
});

const madsci = (version: MadsciVersion, name: string) =>
  startMadsci({
    version,
    mongoUrl: ferret.url,
    env: { TZ: zone, EXPERIMENT_DATABASE_NAME: name, EXPERIMENT_RATE_LIMIT_ENABLED: 'false' },
  });

/** What MADSci replied of its runs before it was stopped. */
async function writeWith(version: MadsciVersion, name: string, runs: number): Promise<Map<string, WireRun>> {
  const server = await madsci(version, name);
  try {
    await fillMadsci(server.url, runs);
    return await readRuns(server.url);
  } finally {
    await server.stop();
  }
}

/** Independent of the way in which the migration reckons. */
function toUtc(clock: string | null): string | null {
  if (clock === null) return null;
  const naive = new Date(`${clock.slice(0, 23)}Z`);
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(
    naive,
  );
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value.slice(3) ?? '';
  return new Date(`${clock.slice(0, 23)}${offset}`).toISOString();
}

async function ran(cli: Cli, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Every field that MADSci knows is as it was; times are the same instants. */
function assertSame(served: Map<string, WireRun>, was: Map<string, WireRun>) {
  assert.deepEqual([...served.keys()].toSorted(), [...was.keys()].toSorted());
  for (const [id, run] of was) {
    const now = served.get(id) ?? assert.fail(id);
    for (const [field, value] of Object.entries(run)) {
      const isTime = field === 'started_at' || field === 'ended_at';
      const expected = isTime ? toUtc(value as string | null) : value;
      assert.deepEqual(now[field], expected, `${id} ${field}`);
    }
    assert.equal(now['unreadable'], undefined, id);
  }
}

/** All documents of all collections, times of the migration itself left out. */
async function dump(name: string): Promise<string[]> {
  await using client = new MongoClient(ferret.url);
  const db = client.db(name);
  const lines: string[] = [];
  for (const collection of await db.listCollections({}, { nameOnly: true }).toArray()) {
    const options = { projection: collection.name === 'schema_versions' ? { _id: 0, applied_at: 0 } : {} };
    const documents = await db.collection(collection.name).find({}, options).toArray();
    lines.push(
      collection.name,
      ...documents.map((document) => `${collection.name} ${BSON.EJSON.stringify(document)}`),
    );
    const indexes = await db.collection(collection.name).listIndexes().toArray();
    lines.push(...indexes.map((index) => `${collection.name} ${JSON.stringify(index)}`));
  }
  return lines.toSorted();
}

describe('a database of MADSci 0.6.1', () => {
  let was: Map<string, WireRun>;
  /** A backup of the untouched database. */
  let original: string;
  let cli: Cli;
  const cleanups: (() => unknown)[] = [];

  after(async () => {
    for (const cleanup of cleanups) await cleanup();
  });
  before(async () => {
    const context = { after: (work: () => unknown) => void cleanups.push(work) } as unknown as TestContext;
    cli = await createCli(context, environment());
    was = await writeWith('0.6.1', database, 210);
    await using client = new MongoClient(ferret.url);
    // What MADSci's own migration leaves.
    await client
      .db(database)
      .collection('experiments')
      .createIndex({ experiment_id: 1 }, { name: 'experiment_id_1', unique: true });
    original = (JSON.parse(await ran(cli, 'backup', 'create', '--json')) as { path: string }).path;
  });

  test('is refused, migrated and served', async () => {
    await assert.rejects(startManager({ env: environment() }), (error: Error) => {
      assert.match(
        error.message,
        /needs database version 2\.0\.0, but .* has version 1\.0\.0.*madsci-experiments migrate/,
      );
      return true;
    });
    assert.equal((await cli.run(['migrate', '--check-version'])).code, 1);
    assert.equal((await cli.run(['migrate', '--validate-schema'])).code, 1);
    const noZone = await cli.run(['migrate']);
    assert.match(noZone.stderr, /--time-zone America\/Chicago/);
    const wrongZone = await cli.run(['migrate', '--time-zone', 'Europe/Berlin']);
    assert.match(
      wrongZone.stderr,
      /Europe\/Berlin is probably wrong: with it, \d+ of \d+ runs started about [678]\.0 hours away/,
    );

    const report = await ran(cli, 'migrate', '--time-zone', zone);
    assert.match(
      report,
      /experiments +210 of 210 runs converted, dropped index experiment_id_1, made index status_started_at/,
    );
    await ran(cli, 'migrate', '--check-version');
    await ran(cli, 'migrate', '--validate-schema');
    assert.match((await cli.run(['migrate'])).stderr, /nothing to do/);

    await using manager = await startManager({ env: environment() });
    assertSame(await readRuns(manager.url), was);
    assert.equal(await assertConsistent(manager.url), 210);
  });

  test('goes back to MADSci, which reads every run, and comes again', async () => {
    const changed = [...was.values()].find(({ status }) => status === 'in_progress')?._id ?? assert.fail();
    {
      await using manager = await startManager({ env: environment() });
      const response = await fetch(`${manager.url}/experiment/${changed}/pause`, { method: 'POST' });
      assert.equal(response.status, 200);
      await manager.stop();
    }
    await ran(cli, 'migrate', '--target-version', '1.0.0', '--time-zone', zone);
    await assert.rejects(startManager({ env: environment() }), /has version 1\.0\.0/);
    const server = await madsci('0.6.1', database);
    try {
      const read = await readRuns(server.url);
      const expected = new Map(was).set(changed, {
        ...(was.get(changed) ?? assert.fail()),
        status: 'paused',
      });
      assert.deepEqual(Object.fromEntries(read), Object.fromEntries(expected));
      assert.equal((await fetch(`${server.url}/experiment/${changed}/end`, { method: 'POST' })).status, 200);
      await fillMadsci(server.url, 3);
    } finally {
      await server.stop();
    }
    await ran(cli, 'migrate', '--time-zone', zone);
    await using manager = await startManager({ env: environment() });
    const added = [...(await listRuns(manager.url)).keys()].filter((id) => !was.has(id));
    assert.equal(added.length, 3);
    assert.equal(await assertConsistent(manager.url, [changed, ...added]), 213);
    assert.equal((await listRuns(manager.url)).get(changed)?.status, 'completed');
  });

  test('killed at any moment and begun again, ends as an undisturbed migration does', async () => {
    const migrate = (name: string) => [
      'migrate',
      '--database',
      name,
      '--time-zone',
      zone,
      '--trust-time-zone',
    ];
    const clone = (name: string) => ran(cli, 'backup', 'restore', original, '--target-database', name);
    await clone('undisturbed');
    const started = performance.now();
    await ran(cli, ...migrate('undisturbed'));
    const tookMs = performance.now() - started;
    const expected = await dump('undisturbed');
    assert.ok(expected.length > 500, String(expected.length));
    let killed = 0;
    for (let round = 0; round < kills; round++) {
      const name = `killed_${round}`;
      await clone(name);
      // The first part is the start of the program and the backup.
      for (const part of [0.3 + 0.6 * Math.random(), 0.6 + 0.4 * Math.random()]) {
        const child = cli.spawn(migrate(name));
        const ended = once(child, 'close');
        await delay(tookMs * part);
        child.kill('SIGKILL');
        const [, signal] = (await ended) as [number | null, string | null];
        if (signal === 'SIGKILL') killed += 1;
      }
      await ran(cli, ...migrate(name));
      assert.deepEqual(await dump(name), expected, name);
      await ferret.drop(name);
    }
    assert.ok(killed > 0);
  });

  test('is as it was before when a step fails', async () => {
    await ran(cli, 'backup', 'restore', original, '--target-database', 'failing');
    await using client = new MongoClient(ferret.url);
    const runs = client.db('failing').collection('experiments');
    // The same keys under another name: the index that is to be made cannot be.
    await runs.createIndex({ started_at: -1 }, { name: 'by_start' });
    const untouched = await dump('failing');
    const { code, stderr } = await cli.run(['migrate', '--database', 'failing', '--time-zone', zone]);
    assert.equal(code, 1);
    assert.match(stderr, /The migration failed.*restoring[^]*The database is as it was before/);
    assert.deepEqual(await dump('failing'), untouched);
  });

  test('keeps what it cannot read, and unknown fields', async () => {
    await ran(cli, 'backup', 'restore', original, '--target-database', 'odd');
    await using client = new MongoClient(ferret.url);
    const runs = client
      .db('odd')
      .collection<{ _id: string | ObjectId; [field: string]: unknown }>('experiments');
    const odd = {
      status: 'on_fire',
      started_at: 'yesterday',
      ended_at: null,
      plate: { well: 1.5, rows: [] },
    };
    const oddId = new ObjectId();
    await runs.insertOne({ _id: oddId, ...odd });
    const twice = {
      status: 'completed',
      started_at: '2025-11-02T01:30:00.000001',
      ended_at: '2025-11-02T01:10:00',
    };
    await runs.insertOne({ _id: '01K90W2XW0ZZZZZZZZZZZZZZZZ', ...twice });
    const report = JSON.parse(
      await ran(cli, 'migrate', '--database', 'odd', '--time-zone', zone, '--json'),
    ) as { ambiguous: string[]; unreadable: string[] };
    assert.deepEqual(report.ambiguous, ['01K90W2XW0ZZZZZZZZZZZZZZZZ']);
    assert.deepEqual(report.unreadable, [oddId.toHexString()]);
    const kept = await runs.findOne({ _id: oddId });
    for (const [field, value] of Object.entries(odd)) assert.deepEqual(kept?.[field], value);
    await using manager = await startManager({ env: environment('odd') });
    const list = (await (await fetch(`${manager.url}/experiments?number=1000`)).json()) as WireRun[];
    assert.equal(list.length, 212);
  });
});

test('a database of MADSci 0.8.1 is migrated and served', async (t) => {
  const name = 'newer';
  const was = await writeWith('0.8.1', name, 35);
  const cli = await createCli(t, environment(name));
  await assert.rejects(startManager({ env: environment(name) }), /has version 1\.0\.0/);
  await ran(cli, 'migrate', '--time-zone', zone);
  await using manager = await startManager({ env: environment(name) });
  assertSame(await readRuns(manager.url), was);
  assert.equal(await assertConsistent(manager.url), 35);
});

test('a fresh database has the schema that migrations are compared with', async (t) => {
  const cli = await createCli(t, environment('fresh'));
  await using manager = await startManager({ env: environment('fresh') });
  await manager.stop();
  await ran(cli, 'migrate', '--validate-schema');
  await ran(cli, 'migrate', '--check-version');
});
