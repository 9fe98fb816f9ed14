/** What can be wrong with a database file: each a clear sentence, and nothing acknowledged is lost. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { StoreError, type Store } from '../../src/store/store.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { assertRecount } from './contract-reading.ts';
import { startProgram, startProgramIn } from './program.ts';
import { commandOf, editOf, readHistory, readRuns, sampleRun, startOf, textOf } from './samples.ts';

/** A user that owns nothing; only root can become it. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

interface Folder extends AsyncDisposable {
  folder: string;
  path: string;
}

async function makeFolder(): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  const dispose = async () => {
    await chmod(folder, 0o755);
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, path: join(folder, 'experiments.db'), [Symbol.asyncDispose]: dispose };
}

async function fill(path: string, count: number): Promise<Map<string, string>> {
  const store = await openSqliteStore(path);
  const runs = Array.from({ length: count }, () => sampleRun());
  await Promise.all(runs.map((run) => store.start(startOf(run))));
  await store.close();
  return new Map(runs.map((run) => [run._id, JSON.stringify(run)]));
}

async function refusal(opening: Promise<Store>, message: RegExp) {
  await assert.rejects(opening, (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n|SQLITE_| at /, 'one sentence for a person');
    return true;
  });
}

/** Opens and writes as a user who may only read. */
async function tryAsReader(path: string): Promise<unknown> {
  await using program = startProgram('try.ts', isRoot ? [path, String(nobody)] : [path]);
  return await program.next();
}

async function overwrite(path: string, position: number, bytes: Buffer) {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

function integrity(path: string): unknown {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
  } finally {
    database.close();
  }
}

describe('a file that SQLite or we cannot use is refused and left as it is', () => {
  async function refusedUntouched({ folder, path }: Folder, message: RegExp) {
    const before = await readFile(path);
    await refusal(openSqliteStore(path), message);
    assert.deepEqual(await readFile(path), before);
    const names = (await readdir(folder)).filter((name) => !name.endsWith('-manager'));
    assert.deepEqual(names, ['experiments.db'], 'nothing is left beside it');
  }

  test('text', async () => {
    await using place = await makeFolder();
    await writeFile(place.path, 'sample,yield\n'.repeat(1000));
    await refusedUntouched(place, /experiments\.db is no SQLite database/);
  });

  test("another program's database", async () => {
    await using place = await makeFolder();
    const foreign = new DatabaseSync(place.path);
    foreign.exec('CREATE TABLE samples (name TEXT); INSERT INTO samples VALUES (1)');
    foreign.close();
    await refusedUntouched(place, /experiments\.db belongs to another program; name another file/);
  });

  test("a newer manager's database", async () => {
    await using place = await makeFolder();
    await fill(place.path, 1);
    const newer = new DatabaseSync(place.path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    await refusedUntouched(place, /written by a newer manager \(schema 99, .*upgrade this one/);
  });

  test('a damaged beginning', async () => {
    await using place = await makeFolder();
    await fill(place.path, 1);
    await overwrite(place.path, 0, Buffer.alloc(100, 0xff));
    await refusedUntouched(place, /beginning is damaged; restore a backup/);
  });

  test('a folder in its place', async () => {
    await using place = await makeFolder();
    await mkdir(place.path);
    await refusal(openSqliteStore(place.path), /cannot be opened/);
  });

  test('a folder that cannot be made', async () => {
    await using place = await makeFolder();
    await writeFile(place.path, '');
    await refusal(openSqliteStore(join(place.path, 'x', 'y.db')), /folder of the database .* cannot be made/);
  });
});

test('damage in the middle is told, and what is whole can be read', async () => {
  await using place = await makeFolder();
  const texts = await fill(place.path, 400);
  const bytes = (await readFile(place.path)).length;
  const pageBytes = 4096;
  const middle = Math.floor(bytes / 2 / pageBytes) * pageBytes;
  await overwrite(place.path, middle, Buffer.alloc(10 * pageBytes, 0xff));
  const store = await openSqliteStore(place.path);
  let damaged = 0;
  const told = (error: unknown) => {
    assert.ok(error instanceof StoreError);
    assert.match(error.message, /experiments\.db is damaged; restore a backup/);
    damaged++;
  };
  for (const [id, text] of texts) {
    await store.run(id).then((found) => assert.equal(found, text), told);
    await store.history(id, { limit: 10 }).catch(told);
    await store.command(commandOf(id, 'pause')).then(textOf, told);
  }
  assert.ok(damaged > 0, 'somebody was told');
  await store.close();
});

test('a file that may only be read is refused at opening and loses nothing', async () => {
  await using place = await makeFolder();
  const texts = await fill(place.path, 3);
  await chmod(place.folder, 0o777);
  await chmod(place.path, 0o444);
  if (isRoot) await chown(`${place.path}-manager`, nobody, nobody);
  assert.match(
    String(await tryAsReader(place.path)),
    /experiments\.db is read-only; make the file .* writable/,
  );
  await chmod(place.path, 0o644);
  const store = await openSqliteStore(place.path);
  for (const [id, text] of texts) assert.equal(await store.run(id), text);
  textOf(await store.start(startOf(sampleRun())));
  await store.close();
});

test('a folder that may only be read is refused at opening', async () => {
  await using place = await makeFolder();
  await chmod(place.folder, 0o555);
  assert.match(
    String(await tryAsReader(place.path)),
    /cannot be opened; check that its folder .* is writable/,
  );
  await chmod(place.folder, 0o755);
  await fill(place.path, 1);
});

describe('somebody else uses the database', () => {
  test('a second manager is refused, until the first has ended, however it ended', async () => {
    await using place = await makeFolder();
    await using first = startProgram('hold.ts', ['manager', place.path]);
    assert.equal(await first.next(), 'held');
    const message = /experiments\.db is in use by another experiment manager; stop it/;
    await refusal(openSqliteStore(place.path), message);
    await first.kill();
    const store = await openSqliteStore(place.path);
    await refusal(openSqliteStore(place.path), message);
    textOf(await store.start(startOf(sampleRun())));
    await store.close();
  });

  test('writes wait for another writer without holding up anything else', async () => {
    await using place = await makeFolder();
    await fill(place.path, 1);
    const store = await openSqliteStore(place.path);
    await using writer = startProgram('hold.ts', ['write', place.path]);
    assert.equal(await writer.next(), 'held');
    let written = 0;
    const starts = Array.from({ length: 20 }, async () => {
      textOf(await store.start(startOf(sampleRun())));
      written++;
    });
    // Turns of our own event loop: were it blocked, the other one would never be told to let go.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await readRuns(store)).length, 1, 'reading goes on');
    assert.equal(written, 0);
    writer.tell('let go');
    await Promise.all(starts);
    await assertRecount(store);
    assert.equal((await store.counts()).total, 21);
    await store.close();
  });

  test('writes are refused after a while and work again afterwards', async () => {
    await using place = await makeFolder();
    const texts = await fill(place.path, 2);
    const store = await openSqliteStore(place.path);
    await using writer = startProgram('hold.ts', ['write', place.path]);
    assert.equal(await writer.next(), 'held');
    const refused = await Promise.allSettled(
      Array.from({ length: 20 }, () => store.start(startOf(sampleRun()))),
    );
    for (const result of refused) {
      assert.ok(result.status === 'rejected' && result.reason instanceof StoreError);
      assert.match(result.reason.message, /experiments\.db is locked by another process/);
    }
    writer.tell('let go');
    textOf(await store.start(startOf(sampleRun())));
    for (const [id, text] of texts) assert.equal(await store.run(id), text);
    assert.equal((await store.counts()).total, 3, 'nothing of the refused writes happened');
    await assertRecount(store);
    await store.close();
  });
});

interface Filled {
  before: string[];
  failures: string[];
  whileFull: string[];
  after: { ids: string[]; failures: string[] };
  kept: string[];
  total: number;
}

/** A small disk of its own, gone with its process. */
const smallDisk = (folder: string) => [
  'unshare',
  '--user',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  `mount -t tmpfs -o size=4m tmpfs "${folder}" && exec "$@"`,
  'sh',
];

const fileSizeLimit = ['sh', '-c', 'ulimit -S -f 2000 && exec "$@"', 'sh'];

function mayMount(folder: string): boolean {
  try {
    const [program = '', ...rest] = smallDisk(folder);
    execFileSync(program, [...rest, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  function check({ before, failures, whileFull, after, kept, total }: Filled, message: RegExp) {
    assert.ok(before.length > 0 && failures.length > 0);
    for (const failure of failures) assert.match(failure, message);
    assert.deepEqual(
      new Set(whileFull),
      new Set(before),
      'what was acknowledged, and only that, can be read',
    );
    assert.deepEqual(after.failures, []);
    assert.deepEqual(new Set(kept), new Set([...before, ...after.ids]));
    assert.equal(total, kept.length);
  }

  test('refuses with a clear sentence, loses nothing, works again after space has returned', async (t) => {
    await using place = await makeFolder();
    if (!mayMount(place.folder)) {
      t.diagnostic('no disk of its own can be mounted here: the limit of a file stands in for it');
      return;
    }
    await using program = startProgramIn(smallDisk(place.folder), 'fill.ts', [place.path, 'file']);
    check((await program.next()) as Filled, /The disk of the database .* is full; free some space/);
  });

  test('the same where a file may not grow', async () => {
    await using place = await makeFolder();
    await using program = startProgramIn(fileSizeLimit, 'fill.ts', [place.path, 'limit']);
    const filled = (await program.next()) as Filled;
    check(filled, /The disk of the database .* (fails to read or write|is full)/);
    const store = await openSqliteStore(place.path);
    assert.deepEqual(new Set((await readRuns(store)).map(({ _id }) => _id)), new Set(filled.kept));
    await assertRecount(store);
    await store.close();
    assert.equal(integrity(place.path), 'ok');
  });
});

/** Commits in the write-ahead log: frames that say how long the database is after them (https://www.sqlite.org/fileformat2.html#walformat). */
async function commitsIn(path: string): Promise<number> {
  const log = await readFile(`${path}-wal`);
  const [headerBytes, frameHeaderBytes] = [32, 24];
  const frameBytes = frameHeaderBytes + log.readUInt32BE(8);
  const salts = log.subarray(16, 24);
  let commits = 0;
  for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
    if (!log.subarray(at + 8, at + 16).equals(salts)) break;
    if (log.readUInt32BE(at + 4) !== 0) commits++;
  }
  return commits;
}

describe('writes share commits', () => {
  test('of one turn into one, and in turn each gets its own', async () => {
    await using place = await makeFolder();
    const store = await openSqliteStore(place.path);
    const first = await commitsIn(place.path);
    await Promise.all(Array.from({ length: 300 }, () => store.start(startOf(sampleRun()))));
    assert.equal((await commitsIn(place.path)) - first, 1);
    for (let turn = 0; turn < 5; turn++) await store.start(startOf(sampleRun()));
    assert.equal((await commitsIn(place.path)) - first, 6);
    await store.close();
  });

  test('one that fails takes none of its neighbours along', async () => {
    await using place = await makeFolder();
    const store = await openSqliteStore(place.path);
    const taken = sampleRun();
    await store.start(startOf(taken));
    const fail = { ...sampleRun(), parameters: { toJSON: () => assert.fail('cannot be written') } };
    const results = await Promise.allSettled([
      store.command(commandOf(taken._id, 'pause')),
      store.start(startOf(fail)),
      store.edit(editOf(taken._id, { notes: 'kept' })),
      store.start(startOf(taken)),
      store.command(commandOf(taken._id, 'end')),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    );
    const commands = (await readHistory(store, taken._id)).map(({ command }) => command);
    assert.deepEqual(commands, ['start', 'pause', 'edit', 'end']);
    await assertRecount(store);
    await store.close();
  });
});
