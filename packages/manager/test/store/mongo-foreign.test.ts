/** Documents that other programs left in the database: served as far as it goes and marked, never breaking a list. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MongoClient, ObjectId, type Collection } from 'mongodb';
import { decodeRunCursor, encodeRunCursor, type Experiment } from '@madsci-ts/protocol';
import { ulid } from 'ulid';
import { startFerretDb, type FerretDb } from '../../../../test/support/ferretdb.ts';
import { createExperiments } from '../../src/domain/experiments.ts';
import { systemIdentity } from '../../src/domain/identity.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { StoreError, type Store } from '../../src/store/store.ts';
import { commandOf, readHistory, runIn, sampleRun, textOf } from './samples.ts';

type Foreign = Record<string, unknown> & { _id: string | ObjectId };

const objectId = new ObjectId();

/** What may lie in a laboratory's database, each with what its marks must say. */
const foreign: { document: Foreign; marks: RegExp[] }[] = [
  { document: { ...sampleRun(), status: 'exploded' }, marks: [/^status is "exploded", not a status$/] },
  { document: { ...sampleRun(), _id: objectId }, marks: [/^_id is an ObjectId/] },
  { document: { ...sampleRun(), _id: 'run-7' }, marks: [/^_id is "run-7", not a ULID$/] },
  { document: { _id: 'bare' }, marks: [/^_id is/, /^status is missing$/, /^started_at is missing$/] },
  {
    document: { ...sampleRun(), started_at: '2026-01-20T10:00:00.123456' },
    marks: [/^started_at is "2026-01-20T10:00:00.123456", not a UTC time/],
  },
  { document: { ...sampleRun(), started_at: new Date() }, marks: [/^started_at holds a date/] },
  { document: { ...sampleRun(), started_at: 7 }, marks: [/^started_at is 7/] },
  {
    document: { ...sampleRun(), parameters: 'none', tags: [1] },
    marks: [/^parameters is "none"/, /^tags is \[1\]/],
  },
];

describe('a database with foreign documents', () => {
  let database: FerretDb | undefined;
  let client: MongoClient | undefined;
  let store: Store | undefined;
  let runs: Collection<Foreign> | undefined;
  const own: string[] = [];

  before(async () => {
    database = await startFerretDb();
    client = await new MongoClient(database.url).connect();
    const place = { url: database.url, database: 'lab', collection: 'experiments' };
    const first = await openMongoStore(place);
    for (let count = 0; count < 6; count++) own.push((await runIn(first, 'in_progress'))._id);
    await first.close();
    runs = client.db('lab').collection<Foreign>('experiments');
    for (const { document } of foreign) await runs.insertOne(document);
    store = await openMongoStore(place);
  });
  after(async () => {
    await store?.close();
    await client?.close();
    await database?.stop();
  });

  const idOf = ({ document }: { document: Foreign }) => String(document._id);
  const opened = () => {
    assert.ok(store !== undefined && runs !== undefined);
    return { store, runs };
  };

  test('each is found by its id and marked', async () => {
    for (const one of foreign) {
      const run = JSON.parse((await opened().store.run(idOf(one))) ?? '') as Experiment;
      assert.equal(run._id, idOf(one));
      for (const mark of one.marks)
        assert.ok(
          run.unreadable?.some((text) => mark.test(text)),
          `${mark}: ${String(run.unreadable)}`,
        );
      assert.ok((await opened().store.history(idOf(one), { limit: 10 })) !== undefined);
    }
  });

  test('a list holds all of them, page by page', async () => {
    const experiments = createExperiments({ store: opened().store, identity: systemIdentity(), owner: {} });
    for (const limit of [1, 2, 5, 100]) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const behind = cursor === undefined ? {} : { after: decodeRunCursor(cursor) };
        const page = await experiments.list({ limit, ...behind });
        seen.push(...page.texts.map((text) => (JSON.parse(text) as Experiment)._id));
        cursor = page.next;
      } while (cursor !== undefined && seen.length < 100);
      assert.deepEqual(seen.toSorted(), [...own, ...foreign.map(idOf)].toSorted(), `in pages of ${limit}`);
    }
  });

  test('a foreign status is listed as unknown', async () => {
    const texts = await opened().store.runs({ limit: 100, status: 'unknown' });
    const ids = texts.map((text) => (JSON.parse(text) as Experiment)._id);
    assert.deepEqual(
      ids.toSorted(),
      [foreign[0], foreign[3]].map((one) => (one === undefined ? '' : idOf(one))).toSorted(),
    );
  });

  test('a command on one is accepted, and its history begins there', async () => {
    const { store: opener, runs: collection } = opened();
    const [exploded] = foreign;
    assert.ok(exploded !== undefined);
    for (const id of [idOf(exploded), objectId.toHexString()]) {
      const run = JSON.parse(textOf(await opener.command(commandOf(id, 'fail')))) as Experiment;
      assert.equal(run.status, 'failed');
      assert.equal(run.unreadable?.some((text) => text.startsWith('status ')) ?? false, false);
      const history = await readHistory(opener, id);
      assert.deepEqual(history.map(({ command, to }) => ({ command, to }))[1], {
        command: 'fail',
        to: 'failed',
      });
      assert.equal(await opener.run(id), JSON.stringify(run));
    }
    assert.equal((await collection.findOne({ _id: objectId }))?.['status'], 'failed');
  });

  test('a cursor holds a foreign id', () => {
    const place = { started_at: '2026-01-20T10:00:00.123456', id: 'run-7' };
    assert.deepEqual(decodeRunCursor(encodeRunCursor(place)), place);
  });
});

describe('the version of a database', () => {
  let database: FerretDb | undefined;
  before(async () => {
    database = await startFerretDb();
  });
  after(() => database?.stop());

  async function openWith(version: string | undefined) {
    await using client = await new MongoClient(database?.url ?? '').connect();
    const name = `v${ulid().toLowerCase()}`;
    await client.db(name).collection<Foreign>('experiments').insertOne({ _id: ulid() });
    if (version !== undefined) {
      await client
        .db(name)
        .collection('schema_versions')
        .insertOne({ version, applied_at: new Date(), migration_notes: '' });
    }
    return openMongoStore({ url: database?.url ?? '', database: name, collection: 'experiments' });
  }

  for (const [version, found] of [
    [undefined, '0.0.0'],
    ['1.0.0', '1.0.0'],
  ] as const) {
    test(`${version ?? 'none'} is refused with both versions and the command`, async () => {
      await assert.rejects(openWith(version), (error) => {
        assert.ok(error instanceof StoreError);
        assert.match(error.message, new RegExp(`2\\.0\\.0.*${found}.*madsci-experiments migrate`));
        return true;
      });
    });
  }

  test('a newer one is refused too', async () => {
    await assert.rejects(openWith('3.0.0'), /newer manager/);
  });
});
