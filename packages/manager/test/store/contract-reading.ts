/** Pages, counts, and documents that come back letter for letter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands, parseJson, statuses, type Experiment } from '@madsci-ts/protocol';
import { chooseSeeds, withSeed } from '../../../../test/support/random.ts';
import { moved, type Store } from '../../src/store/store.ts';
import { withStore, type MakePlace } from './place.ts';
import {
  commandOf,
  editOf,
  nextTime,
  readHistory,
  readRuns,
  runIn,
  sampleRun,
  startOf,
  textOf,
} from './samples.ts';

/** What JavaScript or a database would rather spell otherwise. */
const delicate = `{"one":1.0,"exponent":1e2,"small":1E-7,"long":0.1000000000000000055511151231257827,"minus":-0,"max":9223372036854775807,
"min":-9223372036854775808,"unsigned":18446744073709551615,"__proto__":{"polluted":true},"constructor":{"prototype":null},"":"empty",
"$set":{"$where":1},"a.b":[],"nul":"a\\u0000b","\\u0000":0,"letters":"žluťoučký 🧪 \\u2028","lone":"\\ud800","quote":"\\"\\\\'","deep":[[[[{}]]]]}`;

const latestFirst = (one: Experiment, other: Experiment) =>
  `${other.started_at}${other._id}` < `${one.started_at}${one._id}` ? -1 : 1;

const idsOf = (runs: readonly Experiment[]) => runs.map(({ _id }) => _id);

/** Thirty runs, several begun at the same time. */
async function startMany(store: Store): Promise<Experiment[]> {
  const times = Array.from({ length: 10 }, nextTime);
  const runs = [...times, ...times, ...times].map((started_at) => sampleRun({ started_at }));
  await Promise.all(runs.map((run) => store.start(startOf(run))));
  return runs.toSorted(latestFirst);
}

export function readingContract(makePlace: MakePlace) {
  test('runs come latest first, page by page, while others start', () =>
    withStore(makePlace, async (store) => {
      assert.deepEqual(await store.runs({ limit: 5 }), []);
      const runs = await startMany(store);
      for (const limit of [1, 4, 10, 30, 1000]) {
        const between = () => store.start(startOf(sampleRun()));
        const seen = idsOf(await readRuns(store, { limit, between }));
        assert.deepEqual(
          seen.slice(-runs.length),
          idsOf(runs),
          `none twice, none missed, in pages of ${limit}`,
        );
        assert.equal(new Set(seen).size, seen.length);
        runs.unshift(...(await readRuns(store)).slice(0, -runs.length));
      }
    }));

  test('a page may begin behind a run that is not there', () =>
    withStore(makePlace, async (store) => {
      const runs = await startMany(store);
      const { started_at } = runs[12] as Experiment;
      const behind = runs.filter((run) => (run.started_at ?? '') < (started_at ?? ''));
      const after = { started_at: started_at ?? '', id: '' };
      const page = await store.runs({ limit: 1000, after });
      assert.deepEqual(
        page.map((text) => (JSON.parse(text) as Experiment)._id),
        idsOf(behind),
      );
    }));

  test('runs of one status, page by page', () =>
    withStore(makePlace, async (store) => {
      const runs = await startMany(store);
      const paused = runs.filter((_, index) => index % 3 === 0);
      await Promise.all(paused.map(({ _id }) => store.command(commandOf(_id, 'pause'))));
      assert.deepEqual(idsOf(await readRuns(store, { limit: 3, status: 'paused' })), idsOf(paused));
      const others = runs.filter((_, index) => index % 3 !== 0);
      assert.deepEqual(idsOf(await readRuns(store, { limit: 3, status: 'in_progress' })), idsOf(others));
      assert.deepEqual(await readRuns(store, { status: 'failed' }), []);
    }));

  test('a history comes oldest first, page by page', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'in_progress');
      const other = await runIn(store, 'in_progress');
      for (let index = 0; index < 20; index++) await store.edit(editOf(id, { notes: String(index) }));
      const sequences = (await readHistory(store, id)).map(({ sequence }) => sequence);
      assert.deepEqual(
        sequences,
        Array.from({ length: 21 }, (_, index) => index + 1),
      );
      assert.deepEqual(await store.history(id, { limit: 5, after: 21 }), []);
      assert.equal((await readHistory(store, other._id)).length, 1);
    }));

  test('campaigns come latest first, page by page', () =>
    withStore(makePlace, async (store) => {
      const ids = Array.from({ length: 12 }, (_, index) => `campaign-${index}`);
      for (const id of ids) await store.putCampaign({ id, document: { campaign_id: id } });
      const seen: string[] = [];
      let after: number | undefined;
      for (;;) {
        const page = await store.campaigns({ limit: 5, ...(after === undefined ? {} : { after }) });
        seen.push(...page.map(({ text }) => (JSON.parse(text) as { campaign_id: string }).campaign_id));
        after = page.at(-1)?.position;
        if (page.length < 5) break;
      }
      assert.deepEqual(seen, ids.toReversed());
    }));

  test('documents come back letter for letter, also after a command and an edit', () =>
    withStore(makePlace, async (store) => {
      const parameters = parseJson(delicate) as Record<string, unknown>;
      const written = JSON.stringify(parameters);
      assert.ok(
        ['"one":1.0', '"max":9223372036854775807', '"__proto__":{'].every((part) => written.includes(part)),
      );
      const run = sampleRun({ parameters, run_name: 'a\0b', notes: '\ud800 🧪' });
      await store.start(startOf(run));
      assert.equal(await store.run(run._id), JSON.stringify(run));
      const pause = commandOf(run._id, 'pause');
      const paused = moved(run, 'paused', pause);
      assert.equal(textOf(await store.command(pause)), JSON.stringify(paused));
      const write = editOf(run._id, { notes: '\0' });
      const text = JSON.stringify({ ...paused, notes: '\0', updated_at: write.at, version: 3 });
      assert.equal(textOf(await store.edit(write)), text);
      assert.deepEqual(await store.runs({ limit: 1 }), [text]);
      await store.putCampaign({ id: 'c', document: parameters });
      assert.equal(await store.campaign('c'), JSON.stringify({ ...parameters, version: 1 }));
    }));

  test('reasons and actors come back letter for letter', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'in_progress');
      const said = { reason: 'a\0b "🧪" \ud800', actor: "Ωmega'; DROP TABLE run --" };
      await store.command(commandOf(id, 'pause', said));
      const { reason, actor } = (await readHistory(store, id))[1] ?? {};
      assert.deepEqual({ reason, actor }, said);
    }));

  test('counts equal a recount after random commands', () =>
    withStore(makePlace, async (store) => {
      for (const seed of chooseSeeds(3)) {
        await withSeed(seed, async (random) => {
          const ids = idsOf(await startMany(store));
          for (let round = 0; round < 5; round++) {
            const some = Array.from({ length: 60 }, () =>
              store.command(commandOf(random.pick(ids), random.pick(commands))),
            );
            await Promise.all(some);
            await assertRecount(store);
          }
        });
      }
    }));
}

export async function assertRecount(store: Store) {
  const { total, byStatus } = await store.counts();
  const runs = await readRuns(store);
  assert.equal(total, runs.length);
  for (const status of statuses) {
    assert.equal(byStatus[status], runs.filter((run) => run.status === status).length, status);
    assert.equal(byStatus[status], (await readRuns(store, { status })).length, status);
  }
}
