/** The manager is killed at random moments under load: what it acknowledged is there exactly once, and nothing is half done. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Health } from '@madsci-ts/protocol';
import { ask, auditCounts, auditRun, read, send, type Asked } from './support/ledger.ts';
import { newStart, randomRequest } from './support/load.ts';
import { runProgram, startManager } from './support/manager.ts';
import { chooseSeeds, withSeed, type Random } from './support/random.ts';

const soak = process.env['SOAK'] === '1';
const rounds = Number(process.env['ROUNDS'] ?? (soak ? 400 : 15));
const clients = 24;
/** Longest time of load before a kill. */
const longestLoadMs = 800;
/** How many of the newest runs get commands: few, so that these conflict. */
const busyRuns = 12;
const finalPage = 37;

interface Folder extends AsyncDisposable {
  path: string;
}

async function makeFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'crash-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function databaseIn(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  const name = names.find((one) => one.endsWith('.db'));
  assert.ok(name !== undefined, `a database is in the folder: ${names.join(', ')}`);
  return join(folder, name);
}

/** Everything asked since the first round, and what is to be checked after the next restart. */
interface Books {
  asked: Asked[];
  /** By run. */
  about: Map<string, Asked[]>;
  /** Newest last. */
  ids: string[];
  touched: Set<string>;
  entries: number;
  keptStarts: number;
}

function enter(books: Books, one: Asked) {
  const { id } = one;
  if (id === undefined) return;
  const others = books.about.get(id);
  if (others === undefined) {
    books.about.set(id, [one]);
    books.ids.push(id);
  } else others.push(one);
  books.touched.add(id);
}

/** Clients that go on until no answer comes any more; resolves to what was not answered. */
async function load(url: string, random: Random, books: Books): Promise<Asked[]> {
  const unanswered: Asked[] = [];
  const client = async () => {
    for (;;) {
      const one = randomRequest(random, books.ids.slice(-busyRuns));
      books.asked.push(one);
      if (one.command !== 'start') enter(books, one);
      try {
        await ask(url, one);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // Anything but fetch's own failure is an answer that must not be.
        unanswered.push(one);
        return;
      }
      if (one.command === 'start') enter(books, one);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return unanswered;
}

/** What was answered under a key is answered again byte for byte. */
async function auditReplays(url: string, random: Random, { asked }: Books) {
  const keyed = asked.filter(({ key, reply }) => key !== undefined && reply !== undefined);
  for (let count = 0; count < Math.min(10, keyed.length); count++) {
    const one = random.pick(keyed);
    assert.deepEqual(await send(url, one), one.reply, one.path);
  }
}

/** Repeats what can be repeated and checks all that was touched since the last restart. */
async function recover(url: string, random: Random, books: Books, unanswered: Asked[]) {
  const before = new Set((await auditCounts(url, 1000)).map(({ run_name }) => run_name));
  await Promise.all(
    unanswered.map(async (one) => {
      if (one.key === undefined && one.command !== 'start') return;
      if (one.command === 'start' && before.has(one.token)) books.keptStarts++;
      await ask(url, one);
      if (one.command === 'start') enter(books, one);
    }),
  );
  await auditReplays(url, random, books);
  for (const id of books.touched) books.entries += await auditRun(url, id, books.about.get(id) ?? []);
  books.touched.clear();
  const runs = await auditCounts(url, 1000);
  assert.equal(runs.length, books.ids.length, 'there are the runs that were started and no others');
  assert.deepEqual(new Set(runs.map(({ _id }) => _id)), new Set(books.ids));
}

/** A start that does not live to serve. */
async function killWhileStarting(folder: string, random: Random) {
  const child = runProgram(['serve'], folder, { EXPERIMENT_SERVER_URL: 'http://127.0.0.1:0' });
  await delay(random.below(longestLoadMs));
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function round(folder: string, random: Random, books: Books, unanswered: Asked[]): Promise<Asked[]> {
  if (random.below(4) === 0) await killWhileStarting(folder, random);
  await using manager = await startManager({ dataDir: folder });
  await recover(manager.url, random, books, unanswered);
  const [lost] = await Promise.all([
    load(manager.url, random, books),
    delay(random.below(longestLoadMs)).then(() => manager.stop('SIGKILL')),
  ]);
  return lost;
}

/** After the last restart: every run, counted in small pages, and the database's own check. */
async function auditAll(folder: string, random: Random, books: Books, unanswered: Asked[]) {
  const manager = await startManager({ dataDir: folder });
  await recover(manager.url, random, books, unanswered);
  const runs = await auditCounts(manager.url, finalPage);
  assert.equal(new Set(runs.map(({ run_name }) => run_name)).size, runs.length, 'no start is there twice');
  for (const [id, asked] of books.about) await auditRun(manager.url, id, asked);
  const { code } = await manager.stop();
  assert.equal(code, 0);
  if (process.env['TEST_DB_URL'] === undefined) await auditFile(folder);
}

/** What only the SQLite file itself can tell. */
async function auditFile(folder: string) {
  const database = new DatabaseSync(await databaseIn(folder), { readOnly: true });
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
  const orphans = database.prepare(
    'SELECT count(*) AS n FROM history WHERE run NOT IN (SELECT position FROM run)',
  );
  assert.equal(orphans.get()?.['n'], 0);
  database.close();
}

test('a manager killed at random moments keeps what it acknowledged exactly once', async (t) => {
  await using folder = await makeFolder();
  const books: Books = {
    asked: [],
    about: new Map(),
    ids: [],
    touched: new Set(),
    entries: 0,
    keptStarts: 0,
  };
  let lost = 0;
  for (const seed of chooseSeeds(1)) {
    await withSeed(seed, async (random) => {
      let unanswered: Asked[] = [];
      for (let count = 0; count < rounds; count++) {
        unanswered = await round(folder.path, random, books, unanswered);
        lost += unanswered.length;
      }
      await auditAll(folder.path, random, books, unanswered);
    });
    t.diagnostic(`seed ${seed}`);
  }
  const { asked, ids } = books;
  assert.ok(asked.length > rounds * clients, 'there was load');
  t.diagnostic(
    `${rounds} rounds, ${asked.length} commands on ${ids.length} runs checked; ${lost} had no answer, ${books.keptStarts} starts of these had been kept`,
  );
});

/** Sends a start and goes away, while another program keeps the manager from committing; lets go of the database then. */
async function startAndLeave(url: string, folder: string, one: Asked) {
  const writer = new DatabaseSync(await databaseIn(folder));
  writer.exec('BEGIN IMMEDIATE');
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  const head = `POST ${one.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${Buffer.byteLength(one.body)}\r\n\r\n${one.body}`);
  // The manager reads all sockets in turn: once it has answered others it has read this one.
  for (let count = 0; count < 3; count++) await read(url, '/health');
  socket.destroy();
  for (let count = 0; count < 3; count++) await read(url, '/health');
  writer.exec('COMMIT');
  writer.close();
  while ((await read<Health>(url, '/health')).total_experiments !== 1) await delay(5);
}

describe('a start without a key', () => {
  test('whose client had gone is answered with the same run when it comes again', async () => {
    await using folder = await makeFolder();
    await using manager = await startManager({ dataDir: folder.path });
    const one = newStart(false);
    await startAndLeave(manager.url, folder.path, one);
    const [run] = await auditCounts(manager.url, 10);
    await ask(manager.url, one);
    assert.equal(one.id, run?._id);
    assert.equal((await auditCounts(manager.url, 10)).length, 1);
    await ask(manager.url, one);
    assert.notEqual(one.id, run?._id, 'that was answered: the next one is another run');
  });

  test('whose client had gone is answered with the same run after a kill too', async () => {
    await using folder = await makeFolder();
    const one = newStart(false);
    const first = await startManager({ dataDir: folder.path });
    await startAndLeave(first.url, folder.path, one);
    const [run] = await auditCounts(first.url, 10);
    await first.stop('SIGKILL');
    await using second = await startManager({ dataDir: folder.path });
    await ask(second.url, one);
    assert.equal(one.id, run?._id);
    assert.equal((await auditCounts(second.url, 10)).length, 1);
  });

  test('whose client closes right after its request is answered with the same run when it comes again', async () => {
    await using manager = await startManager();
    const starts = Array.from({ length: 30 }, () => newStart(false));
    for (const one of starts) {
      const socket = createConnection(Number(new URL(manager.url).port), '127.0.0.1');
      await once(socket, 'connect');
      const head = `POST ${one.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`;
      socket.end(`${head}content-length: ${Buffer.byteLength(one.body)}\r\n\r\n${one.body}`).resume();
      await once(socket, 'close');
    }
    while ((await read<Health>(manager.url, '/health')).total_experiments !== starts.length) await delay(5);
    for (const one of starts) await ask(manager.url, one);
    assert.equal((await auditCounts(manager.url, 10)).length, starts.length);
  });

  test('that was answered gives another run when it comes again', async () => {
    await using manager = await startManager();
    const one = newStart(false);
    const ids = new Set<string | undefined>();
    for (let count = 0; count < 20; count++) {
      await ask(manager.url, one);
      ids.add(one.id);
    }
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const other = { ...one };
        await ask(manager.url, other);
        ids.add(other.id);
      }),
    );
    assert.equal(ids.size, 40);
    assert.equal((await auditCounts(manager.url, 7)).length, 40);
  });
});
