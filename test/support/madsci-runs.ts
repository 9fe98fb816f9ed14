/** Fills a real MADSci Experiment Manager with runs in every state that it knows, and reads them back. */
import assert from 'node:assert/strict';

/** What a client of MADSci sees of a run. */
export type WireRun = Record<string, unknown> & { _id: string; status: string };

/** Commands after the start; MADSci lets any status follow any other. */
const lives = [
  [],
  ['pause'],
  ['pause', 'continue'],
  ['end'],
  ['fail'],
  ['cancel'],
  ['cancel', 'end'],
] as const;

const parallelRuns = 8;

async function post(url: string, body?: unknown): Promise<WireRun> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body ?? {}) });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as WireRun;
}

const bodyOf = (number: number) => ({
  run_name: number % 3 === 0 ? null : `run ${number}`,
  run_description: number % 4 === 0 ? `ünïcode ✓ ${number}` : null,
  experiment_design: {
    experiment_name: `design ${number % 7}`,
    experiment_description: number % 5 === 0 ? null : 'with conditions',
    ownership_info: number % 2 === 0 ? {} : { user_id: '01JYKZDPANTNRYXF5TQKRJS0F2' },
    resource_conditions: [
      {
        condition_type: 'resource_field_check',
        condition_name: 'enough',
        resource_name: 'tip box',
        field: 'quantity',
        operator: 'is_greater_than',
        target_value: number % 2 === 0 ? number : number + 0.5,
      },
    ].slice(0, number % 3),
  },
});

/** Starts so many runs and leads each to one of the states. */
export async function fillMadsci(url: string, runs: number): Promise<void> {
  const numbers = Array.from({ length: runs }, (_, number) => number);
  const one = async (number: number) => {
    const { _id } = await post(`${url}/experiment`, bodyOf(number));
    for (const command of lives[number % lives.length] ?? [])
      await post(`${url}/experiment/${_id}/${command}`);
  };
  for (let from = 0; from < runs; from += parallelRuns) {
    await Promise.all(numbers.slice(from, from + parallelRuns).map(one));
  }
}

/** All runs as the manager at the URL lists them, by id. */
export async function listRuns(url: string): Promise<Map<string, WireRun>> {
  const response = await fetch(`${url}/experiments?number=10000`);
  assert.equal(response.status, 200);
  return new Map(((await response.json()) as WireRun[]).map((run) => [run._id, run]));
}

/** All runs as the manager at the URL replies them, one by one, by id. */
export async function readRuns(url: string): Promise<Map<string, WireRun>> {
  const runs = new Map<string, WireRun>();
  for (const id of (await listRuns(url)).keys()) {
    const response = await fetch(`${url}/experiment/${id}`);
    assert.equal(response.status, 200);
    runs.set(id, (await response.json()) as WireRun);
  }
  return runs;
}
