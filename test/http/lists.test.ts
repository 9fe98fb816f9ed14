/** Lists: pages and their Link headers, filters, campaigns as the Python clients register them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Campaign, Experiment, HistoryEntry } from '@madsci-ts/protocol';
import { startManager, type TestManager } from '../support/manager.ts';
import { sendRaw } from '../support/raw-http.ts';
import { runIn, testRows, type Row } from '../support/rows.ts';

const linkForm = /^<([^>]+)>; rel="next"$/;

/** Follows the Link headers from `path` to the last page. */
async function pagesFrom<T>(url: string, path: string): Promise<T[][]> {
  const pages: T[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const reply = await sendRaw(url, { method: 'GET', path: next });
    assert.equal(reply.status, 200, reply.text);
    pages.push(JSON.parse(reply.text) as T[]);
    assert.ok(pages.length < 100, 'the pages do not end');
    next = reply.headers['link'] === undefined ? undefined : linkForm.exec(reply.headers['link'])?.[1];
    assert.ok(next !== undefined || reply.headers['link'] === undefined, reply.headers['link']);
  }
  return pages;
}

const queries: Row[] = [
  {
    name: 'number 0',
    request: 'GET /experiments?number=0',
    status: 422,
    has: ['"type":"greater_than_equal","loc":["query","number"]'],
  },
  {
    name: 'number 10001',
    request: 'GET /experiments?number=10001',
    status: 422,
    has: ['"type":"less_than_equal"'],
  },
  { name: 'number twice: the last counts', request: 'GET /experiments?number=x&number=1', status: 200 },
  {
    name: 'a cursor that is none',
    request: 'GET /experiments?cursor=abc',
    status: 422,
    has: ['["query","cursor"]'],
  },
  {
    name: 'a cursor of the right form, whatever it says',
    request: 'GET /experiments?cursor=9999999999999999900000000000000000000000000',
    status: 200,
  },
  {
    name: 'a status that is none',
    request: 'GET /experiments?status=running',
    status: 422,
    has: ['"type":"enum","loc":["query","status"]'],
  },
  { name: 'other parameters are ignored', request: 'GET /experiments?foo[$ne]=1', status: 200 },
  {
    name: 'history of no run',
    request: 'GET /experiment/nope/history',
    status: 404,
    has: ['"code":"experiment_not_found"'],
  },
  {
    name: 'history with a bad cursor',
    run: 'paused',
    request: 'GET /experiment/{id}/history?cursor=-1',
    status: 422,
  },
  {
    name: 'history behind its end',
    run: 'paused',
    request: 'GET /experiment/{id}/history?cursor=99',
    status: 200,
    has: ['\n[]'],
  },
  { name: 'campaigns: a bad cursor', request: 'GET /campaigns?cursor=x', status: 422 },
  { name: 'campaigns: a huge number', request: 'GET /campaigns?number=99999999999999999999', status: 422 },
];

describe('lists', () => {
  let manager: TestManager;
  const statuses = ['in_progress', 'paused', 'completed', 'failed', 'cancelled'] as const;
  const ids: string[] = [];
  before(async () => {
    manager = await startManager();
    for (let index = 0; index < 25; index++) {
      ids.unshift(await runIn(manager.url, statuses[index % 5] ?? 'paused'));
    }
  });
  after(() => manager.stop());

  test('pages lead from the latest run to the first, each once', async () => {
    const pages = await pagesFrom<Experiment>(manager.url, '/experiments?number=7');
    assert.deepEqual(
      pages.map(({ length }) => length),
      [7, 7, 7, 4],
    );
    assert.deepEqual(
      pages.flat().map(({ _id }) => _id),
      ids,
    );
  });

  test('a page that is just full is the last', async () => {
    assert.deepEqual(
      (await pagesFrom(manager.url, '/experiments?number=25')).map(({ length }) => length),
      [25],
    );
  });

  test('ten without being asked for a number', async () => {
    const { text } = await sendRaw(manager.url, { method: 'GET', path: '/experiments' });
    assert.equal((JSON.parse(text) as unknown[]).length, 10);
  });

  test('runs that start while pages are read do not disturb them', async () => {
    const first = await sendRaw(manager.url, { method: 'GET', path: '/experiments?number=20&status=paused' });
    const path = linkForm.exec(
      (await sendRaw(manager.url, { method: 'GET', path: '/experiments?number=3&status=paused' })).headers[
        'link'
      ] ?? '',
    )?.[1];
    const late = await runIn(manager.url, 'paused');
    ids.unshift(late);
    const rest = await sendRaw(manager.url, { method: 'GET', path: path ?? '' });
    assert.deepEqual(
      (JSON.parse(rest.text) as Experiment[]).map(({ _id }) => _id),
      (JSON.parse(first.text) as Experiment[]).slice(3).map(({ _id }) => _id),
    );
  });

  for (const status of statuses) {
    test(`?status=${status} lists those and no others, over pages`, async () => {
      const pages = await pagesFrom<Experiment>(manager.url, `/experiments?number=2&status=${status}`);
      const all = await pagesFrom<Experiment>(manager.url, '/experiments?number=10000');
      assert.deepEqual(
        pages.flat(),
        all.flat().filter((run) => run.status === status),
      );
    });
  }

  test('?status=unknown is empty: no lease has lapsed', async () => {
    assert.deepEqual(await pagesFrom(manager.url, '/experiments?status=unknown'), [[]]);
  });

  test('the history has pages', async () => {
    const id = await runIn(manager.url, 'in_progress');
    ids.unshift(id);
    for (let index = 0; index < 5; index++) {
      for (const name of ['pause', 'continue']) {
        await sendRaw(manager.url, { method: 'POST', path: `/experiment/${id}/${name}` });
      }
    }
    const pages = await pagesFrom<HistoryEntry>(manager.url, `/experiment/${id}/history?number=4`);
    assert.deepEqual(
      pages.map((page) => page.map(({ sequence }) => sequence)),
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10, 11],
      ],
    );
  });

  describe('queries', () => testRows(() => manager.url, queries));
});

const known = '01BX5ZZKBKACTAV9WEVGEMMVRZ';
const fromPython = {
  campaign_id: known,
  campaign_name: 'screen 4',
  campaign_description: null,
  experiment_ids: ['01ARZ3NDEKTSV4RRFFQ69G5FAV'],
  ownership_info: {},
  created_at: '2026-01-20T10:00:00.000001',
  ended_at: null,
};
const campaigns: Row[] = [
  {
    name: 'as a Python client registers one, its time without a zone',
    request: 'POST /campaign',
    body: fromPython,
    status: 200,
    has: [
      `{"campaign_id":"${known}","campaign_name":"screen 4","campaign_description":null,"experiment_ids":["01ARZ3NDEKTSV4RRFFQ69G5FAV"],"ownership_info":{},"created_at":"2026-01-20T04:30:00.000Z","ended_at":null,"version":1}`,
    ],
  },
  {
    name: 'registered again it is updated',
    request: 'POST /campaign',
    body: { ...fromPython, campaign_name: 'screen 5', ended_at: '2026-01-21T10:00:00+02:00' },
    status: 200,
    has: ['"campaign_name":"screen 5"', '"ended_at":"2026-01-21T08:00:00.000Z","version":2}'],
  },
  {
    name: 'read back',
    request: `GET /campaign/${known}`,
    status: 200,
    has: ['"campaign_name":"screen 5"', '"version":2'],
  },
  {
    name: 'with nothing but a name it gets an id, a time and the manager as owner',
    request: 'POST /campaign',
    body: { campaign_name: 'bare' },
    status: 200,
    has: ['"experiment_ids":null,"ownership_info":{"manager_id":"', '"ended_at":null,"version":1}'],
  },
  {
    name: 'no name',
    request: 'POST /campaign',
    body: {},
    status: 422,
    has: ['"type":"missing","loc":["body","campaign_name"]'],
  },
  {
    name: 'a bad id and a day that no calendar has',
    request: 'POST /campaign',
    body: { campaign_name: 'x', campaign_id: 'x', created_at: '2026-02-30T00:00:00' },
    status: 422,
    has: ['["body","campaign_id"]', '"type":"datetime_parsing","loc":["body","created_at"]'],
  },
  {
    name: 'unknown campaign',
    request: 'GET /campaign/nope',
    status: 404,
    has: ['"detail":"Campaign not found","code":"campaign_not_found"'],
  },
];

describe('campaigns', () => {
  let manager: TestManager;
  before(async () => void (manager = await startManager({ env: { TZ: 'Asia/Kolkata' } })));
  after(() => manager.stop());
  testRows(() => manager.url, campaigns);

  test('the list has pages, latest registration first', async () => {
    for (const name of ['c1', 'c2', 'c3']) {
      const body = JSON.stringify({ campaign_name: name });
      await sendRaw(manager.url, { method: 'POST', path: '/campaign', body });
    }
    const pages = await pagesFrom<Campaign>(manager.url, '/campaigns?number=2');
    assert.deepEqual(
      pages.map((page) => page.map(({ campaign_name: name }) => name)),
      [['c3', 'c2'], ['c1', 'bare'], ['screen 5']],
    );
  });
});
