/** Starts, lifecycle commands, edits and campaigns: each with its history, in every status. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands, finalStatuses, isFinal, lifecycle, movesOf, statuses } from '@madsci-ts/protocol';
import type { Command, FinalStatus, Status } from '@madsci-ts/protocol';
import { ulid } from 'ulid';
import { historyEntry, type Store } from '../../src/store/store.ts';
import { withStore, type MakePlace } from './place.ts';
import {
  attribution,
  commandOf,
  editOf,
  readHistory,
  readRun,
  runIn,
  sampleRun,
  startOf,
  textOf,
} from './samples.ts';

interface Case {
  command: Command;
  outcome?: FinalStatus;
}

const cases: Case[] = [
  ...commands.map((command) => ({ command })),
  ...finalStatuses.map((outcome) => ({ command: 'end' as const, outcome })),
];

/** Gives the command to a run in the status and checks everything that must, and must not, have changed. */
async function checkMove(store: Store, from: Status, { command, outcome }: Case) {
  const before = await runIn(store, from);
  const [history, counts] = [await readHistory(store, before._id), await store.counts()];
  const write = commandOf(before._id, command, outcome === undefined ? {} : { outcome });
  const move = movesOf(command, outcome)[from];
  const answer = await store.command(write);
  const run = await readRun(store, before._id);
  const added = (await readHistory(store, before._id)).slice(history.length);
  const step = { sequence: history.length + 1, command, from, to: write.target };

  if (move === 'same' || move === 'declined' || move === 'refused') {
    assert.deepEqual(run, before);
    assert.deepEqual(await store.counts(), counts);
    assert.deepEqual(added, move === 'same' ? [] : [historyEntry(write, { ...step, accepted: false })]);
    const { status, version } = before;
    if (move === 'refused') assert.deepEqual(answer, { kind: 'refused', because: 'status', status, version });
    else assert.equal(textOf(answer), JSON.stringify(before));
    return;
  }
  assert.deepEqual(run, {
    ...before,
    status: move,
    ended_at: isFinal(move) ? write.at : null,
    updated_at: write.at,
    status_reason: write.reason,
    actor: write.actor,
    version: before.version + 1,
  });
  assert.equal(textOf(answer), await store.run(before._id));
  assert.deepEqual(added, [historyEntry(write, { ...step, to: move, accepted: true })]);
  const { byStatus, total } = await store.counts();
  assert.equal(total, counts.total);
  assert.deepEqual(byStatus, {
    ...counts.byStatus,
    [from]: counts.byStatus[from] - 1,
    [move]: counts.byStatus[move] + 1,
  });
}

export function lifecycleContract(makePlace: MakePlace) {
  test('a start is kept with its first history entry', () =>
    withStore(makePlace, async (store) => {
      const run = sampleRun();
      const write = startOf(run);
      assert.equal(textOf(await store.start(write)), JSON.stringify(run));
      assert.equal(await store.run(run._id), JSON.stringify(run));
      const step = { sequence: 1, command: 'start', from: null, to: 'in_progress', accepted: true } as const;
      assert.deepEqual(await readHistory(store, run._id), [historyEntry(write, step)]);
      assert.equal((await store.counts()).total, 1);
    }));

  test('what is not there is missing, and asking for it leaves no trace', () =>
    withStore(makePlace, async (store) => {
      for (const id of [ulid(), '', '\0', "' OR 1=1 --", '{"$gt":""}']) {
        assert.deepEqual(await store.command(commandOf(id, 'end')), { kind: 'missing' });
        assert.deepEqual(await store.edit(editOf(id, { notes: 'x' })), { kind: 'missing' });
        assert.equal(await store.run(id), undefined);
        assert.equal(await store.history(id, { limit: 1 }), undefined);
        assert.equal(await store.campaign(id), undefined);
      }
      assert.equal((await store.counts()).total, 0);
    }));

  describe('a command moves a run as the lifecycle table says', () => {
    for (const from of statuses) {
      for (const one of cases) {
        const name = `${one.command} ${one.outcome ?? ''} on ${from}: ${lifecycle[from][one.command]}`;
        test(name, () => withStore(makePlace, (store) => checkMove(store, from, one)));
      }
    }
  });

  test('ended_at is set once', () =>
    withStore(makePlace, async (store) => {
      const { _id: id, ended_at } = await runIn(store, 'failed');
      for (const { command, outcome } of cases) {
        await store.command(commandOf(id, command, outcome === undefined ? {} : { outcome }));
        await store.edit(editOf(id, { notes: `after ${command}` }));
      }
      const run = await readRun(store, id);
      assert.equal(run.ended_at, ended_at);
      assert.equal(run.status, 'failed');
    }));

  test('a run gathers every change in its version', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'in_progress');
      for (let round = 0; round < 10; round++) {
        await store.command(commandOf(id, 'pause'));
        await store.command(commandOf(id, 'pause'));
        await store.command(commandOf(id, 'continue'));
      }
      assert.equal((await readRun(store, id)).version, 21);
      assert.equal((await readHistory(store, id)).length, 21);
    }));

  versionTests(makePlace);
  editTests(makePlace);
  campaignTests(makePlace);

  test('a start under an id that is taken fails alone and changes nothing', () =>
    withStore(makePlace, async (store) => {
      const taken = await runIn(store, 'paused');
      const runs = Array.from({ length: 20 }, () => sampleRun());
      const results = await Promise.allSettled(
        [...runs.slice(0, 10), sampleRun({ _id: taken._id }), ...runs.slice(10)].map((run) =>
          store.start(startOf(run)),
        ),
      );
      assert.deepEqual(
        results.flatMap(({ status }, index) => (status === 'rejected' ? [index] : [])),
        [10],
      );
      assert.deepEqual(await readRun(store, taken._id), taken);
      for (const run of runs) assert.equal(await store.run(run._id), JSON.stringify(run));
      assert.equal((await store.counts()).total, 21);
    }));
}

function versionTests(makePlace: MakePlace) {
  test('an expected version that fits is granted', () =>
    withStore(makePlace, async (store) => {
      const { _id: id } = await runIn(store, 'paused');
      textOf(await store.command(commandOf(id, 'continue', { expectedVersion: 2 })));
      textOf(await store.edit(editOf(id, { tags: ['seen'] }, { expectedVersion: 3 })));
      assert.equal((await readRun(store, id)).version, 4);
    }));

  test('another expected version is refused and kept in the history', () =>
    withStore(makePlace, async (store) => {
      const before = await runIn(store, 'paused');
      const { _id: id } = before;
      const refused = { kind: 'refused', because: 'version', status: 'paused', version: 2 };
      for (const expectedVersion of [1, 3]) {
        assert.deepEqual(await store.command(commandOf(id, 'continue', { expectedVersion })), refused);
        assert.deepEqual(await store.edit(editOf(id, { notes: 'late' }, { expectedVersion })), refused);
      }
      assert.deepEqual(await readRun(store, id), before);
      const kept = (await readHistory(store, id)).slice(2);
      assert.deepEqual(
        kept.map(({ command, accepted, to }) => ({ command, accepted, to })),
        [1, 3].flatMap(() => [
          { command: 'continue', accepted: false, to: 'in_progress' },
          { command: 'edit', accepted: false, to: 'paused' },
        ]),
      );
    }));
}

function editTests(makePlace: MakePlace) {
  test('an edit changes what it names, on a final run too, and is kept in the history', () =>
    withStore(makePlace, async (store) => {
      for (const status of ['in_progress', 'completed'] as const) {
        const before = await runIn(store, status);
        const write = editOf(before._id, { run_name: null, tags: ['gold', '金'] });
        const text = textOf(await store.edit(write));
        const { version } = before;
        const after = { ...before, run_name: null, tags: ['gold', '金'] };
        assert.deepEqual(JSON.parse(text), { ...after, updated_at: write.at, version: version + 1 });
        assert.equal(await store.run(before._id), text);
        const step = {
          sequence: version + 1,
          command: 'edit',
          from: status,
          to: status,
          accepted: true,
        } as const;
        assert.deepEqual((await readHistory(store, before._id)).at(-1), historyEntry(write, step));
      }
    }));
}

function campaignTests(makePlace: MakePlace) {
  test('a campaign is registered, updated and counts its versions', () =>
    withStore(makePlace, async (store) => {
      const id = ulid();
      const document = { campaign_id: id, campaign_name: 'spring', created_at: attribution().at };
      assert.equal(
        textOf(await store.putCampaign({ id, document })),
        JSON.stringify({ ...document, version: 1 }),
      );
      const changed = { ...document, campaign_name: 'summer' };
      const text = textOf(await store.putCampaign({ id, document: changed }));
      assert.equal(text, JSON.stringify({ ...changed, version: 2 }));
      assert.equal(await store.campaign(id), text);
    }));
}
