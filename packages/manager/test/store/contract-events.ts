/** What the laboratory is to be told: kept with the change, in order, until it is taken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ulid } from 'ulid';
import type { OutgoingEvent, Store } from '../../src/store/store.ts';
import { withReopened, withStore, type MakePlace } from './place.ts';
import { commandOf, readRun, sampleRun, startOf } from './samples.ts';

const event = (event_type: string): { event: OutgoingEvent } => ({ event: { event_id: ulid(), event_type } });

/** Four changes of a run, one refusal and one command that changes nothing; only the changes are told. */
async function tellAll(store: Store): Promise<string> {
  const run = sampleRun();
  await store.start(startOf(run, event('experiment_start')));
  await store.command(commandOf(run._id, 'pause', event('experiment_pause')));
  await store.command(commandOf(run._id, 'pause', event('told twice')));
  await store.command(commandOf(run._id, 'continue', event('experiment_continued')));
  await store.command(commandOf(run._id, 'cancel', event('experiment_stop')));
  await store.command(commandOf(run._id, 'pause', event('refused')));
  return run._id;
}

const told = ['experiment_start', 'experiment_pause', 'experiment_continued', 'experiment_stop'];

export function eventsContract(makePlace: MakePlace) {
  test('each accepted change is told once, in order, with the run as it then was', () =>
    withStore(makePlace, async (store) => {
      const id = await tellAll(store);
      const events = await store.events(10);
      assert.deepEqual(
        events.map(({ event_type }) => event_type),
        told,
      );
      const states = events.map(({ run }) => JSON.parse(run) as { _id: string; status: string });
      assert.deepEqual(
        states.map(({ status }) => status),
        ['in_progress', 'paused', 'in_progress', 'cancelled'],
      );
      assert.ok(states.every(({ _id }) => _id === id));
      assert.equal(events.at(-1)?.at, (await readRun(store, id)).ended_at);
      assert.equal((await store.counts()).eventsWaiting, 4);
      assert.equal((await store.events(2)).length, 2);
    }));

  test('events wait over reopening, until they are dropped', () =>
    withReopened(
      makePlace,
      async (store) => {
        await tellAll(store);
        const [first] = await store.events(1);
        await store.dropEvents([first?.event_id ?? '', 'never heard of']);
      },
      async (store) => {
        const rest = await store.events(10);
        assert.deepEqual(
          rest.map(({ event_type }) => event_type),
          told.slice(1),
        );
        await store.dropEvents(rest.map(({ event_id }) => event_id));
        assert.deepEqual(await store.events(10), []);
        assert.equal((await store.counts()).eventsWaiting, 0);
      },
    ));

  test('a change without an event tells nothing', () =>
    withStore(makePlace, async (store) => {
      const run = sampleRun();
      await store.start(startOf(run));
      await store.command(commandOf(run._id, 'end'));
      assert.deepEqual(await store.events(10), []);
      assert.equal((await store.counts()).eventsWaiting, 0);
    }));
}
