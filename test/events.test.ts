/** The laboratory hears of every accepted change: in order, also when its Event Manager or this manager was away in between. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ExperimentClient } from '@madsci-ts/client';
import { startManager } from './support/manager.ts';

interface Heard {
  event_id: string;
  event_type: string;
  source: Record<string, string>;
  event_data: { experiment: { experiment_id: string; status: string; _id?: string; parameters: object } };
}

/** An Event Manager that keeps what it is sent, the first of each id, as MADSci's does. */
async function startEventManager(port = 0) {
  const heard = new Map<string, Heard>();
  const server: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const event = JSON.parse(text) as Heard;
      assert.equal(`${request.method} ${request.url}`, 'POST /event');
      if (!heard.has(event.event_id)) heard.set(event.event_id, event);
      response.setHeader('content-type', 'application/json').end(text);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { heard, port: (server.address() as AddressInfo).port, close };
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('events wait for an Event Manager that is away, over a kill of this manager', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'events-'));
  const away = await startEventManager();
  await away.close();
  const env = { EVENT_SERVER_URL: `http://127.0.0.1:${away.port}` };
  const first = await startManager({ dataDir, env });
  const client = new ExperimentClient({ url: first.url });
  const run = await client.startExperiment({
    experiment_design: {
      experiment_name: 'titration',
      ownership_info: { user_id: '01ARZ3NDEKTSV4RRFFQ69G5FAV' },
    },
    parameters: { ratio: 0.5 },
  });
  await client.pauseExperiment(run._id);
  await client.pauseExperiment(run._id); // Changes nothing, tells nothing.
  await client.continueExperiment(run._id);
  assert.equal((await client.health()).events_waiting, 3);
  assert.equal((await client.health()).healthy, true);
  await first.stop('SIGKILL');

  const second = await startManager({ dataDir, env });
  const again = new ExperimentClient({ url: second.url });
  await again.cancelExperiment(run._id);
  assert.equal((await again.health()).events_waiting, 4);
  const back = await startEventManager(away.port);
  await until(async () => (await again.health()).events_waiting === 0);
  const events = [...back.heard.values()];
  assert.deepEqual(
    events.map(({ event_type, event_data }) => [event_type, event_data.experiment.status]),
    [
      ['experiment_start', 'in_progress'],
      ['experiment_pause', 'paused'],
      ['experiment_continued', 'in_progress'],
      ['experiment_stop', 'cancelled'],
    ],
  );
  for (const { source, event_data } of events) {
    assert.equal(event_data.experiment.experiment_id, run._id);
    assert.equal(event_data.experiment._id, undefined);
    assert.deepEqual(event_data.experiment.parameters, { ratio: 0.5 });
    assert.equal(source['experiment_id'], run._id);
    assert.equal(source['user_id'], '01ARZ3NDEKTSV4RRFFQ69G5FAV');
  }
  const metrics = await (await fetch(`${second.url}/metrics`)).text();
  assert.match(metrics, /^madsci_events_waiting 0$/m);
  await second.stop();
  await back.close();
  await rm(dataDir, { recursive: true });
});

test('without an Event Manager nothing is kept for one', async () => {
  await using manager = await startManager();
  const client = new ExperimentClient({ url: manager.url });
  const run = await client.startExperiment({ experiment_design: { experiment_name: 'alone' } });
  await client.endExperiment(run._id);
  assert.equal((await client.health()).events_waiting, 0);
});
