/** Replays what the real MADSci server answered. Every reply is the same, or its difference is documented and checked. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { deviations, type Deviation } from './deviations.ts';
import {
  bodyOfReply,
  capture,
  createMemory,
  differences,
  headerDifferences,
  loadCorpus,
  requestOf,
  show,
  type Entry,
  type Memory,
} from './support/corpus.ts';
import { startManager, type TestManager } from './support/manager.ts';
import { sendRaw, type RawReply } from './support/raw-http.ts';

const corpus = loadCorpus();
const deviating = new Map<string, Deviation>(
  deviations.flatMap((deviation) =>
    corpus.filter((entry) => deviation.covers(entry)).map((entry) => [entry.name, deviation] as const),
  ),
);

/** Everything in which a reply differs from what is expected of it. */
function faults(entry: Entry, reply: RawReply, memory: Memory): string[] {
  const { status, headers = {}, body } = deviating.get(entry.name)?.reply(entry) ?? entry.response;
  const actual = bodyOfReply(reply);
  const found = [
    ...(reply.status === status ? [] : [`status is ${reply.status}, expected ${status}: ${reply.text}`]),
    ...headerDifferences(headers, reply.headers),
    ...(body === undefined ? [] : differences(body, actual, memory)),
  ];
  const isJson = reply.headers['content-type']?.startsWith('application/json') && reply.text !== '';
  if (isJson && JSON.stringify(actual) !== reply.text) found.push('the JSON is not compact');
  return found;
}

async function replay(url: string, entry: Entry, memory: Memory): Promise<RawReply> {
  const reply = await sendRaw(url, requestOf(entry, memory));
  const body = bodyOfReply(reply);
  capture(entry, body, memory);
  assert.deepEqual(faults(entry, reply, memory), []);
  show(body, memory);
  return reply;
}

for (const naive of [false, true]) {
  describe(`the recorded requests, times ${naive ? 'as MADSci writes them' : 'in UTC'}`, () => {
    let manager: TestManager;
    const memory = createMemory(naive);
    before(async () => {
      manager = await startManager({ env: { EXPERIMENT_NAIVE_TIMES: String(naive), TZ: 'Asia/Kolkata' } });
    });
    after(() => manager.stop());
    for (const entry of corpus.filter(({ server }) => server === undefined)) {
      test(`${entry.group}: ${entry.name}`, async () => void (await replay(manager.url, entry, memory)));
    }
  });
}

describe('the recorded requests to a server with narrow rate limits', () => {
  let manager: TestManager;
  let last: RawReply | undefined;
  const memory = createMemory(false);
  const entries = corpus.filter(({ server }) => server === 'ratelimit');
  before(async () => {
    const settings = Array.from(entries[0]?.note?.matchAll(/(EXPERIMENT_\w+)='?([^'\s;]+)'?/g) ?? []);
    assert.equal(settings.length, 5);
    manager = await startManager({
      env: Object.fromEntries(settings.map(([, name = '', value = '']) => [name, value])),
    });
  });
  after(() => manager.stop());
  for (const entry of entries) {
    test(entry.name, async () => {
      // Where the recording waited for a window to end, we wait as long as the refusal told us to.
      const waits = entry.note?.startsWith('sent ') ?? false;
      if (waits) await delay(Number(last?.headers['retry-after']) * 1000);
      last = await replay(manager.url, entry, memory);
    });
  }
});

describe('documented deviations', () => {
  test('each is a heading of docs/deviations.md and covers something', async () => {
    const document = await readFile(new URL('../docs/deviations.md', import.meta.url), 'utf8');
    for (const { documented, covers } of deviations) {
      assert.ok(
        document.includes(`\n## ${documented}\n`),
        `docs/deviations.md has no heading "${documented}"`,
      );
      assert.ok(corpus.some(covers), `"${documented}" covers no recorded request`);
    }
  });

  test('every recorded request has a name of its own, and at most one deviation', () => {
    assert.equal(new Set(corpus.map(({ name }) => name)).size, corpus.length);
    for (const entry of corpus) {
      const several = deviations.filter(({ covers }) => covers(entry)).map(({ documented }) => documented);
      assert.ok(several.length <= 1, `${entry.name} is covered by ${several.join(' and ')}`);
    }
  });
});
