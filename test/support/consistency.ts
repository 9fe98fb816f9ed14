/** Whether what a manager says of its runs fits together. */
import assert from 'node:assert/strict';
import type { Experiment, HistoryEntry } from '@madsci-ts/protocol';

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return (await response.json()) as T;
}

/** Status and version of every run, or of those named, follow from its history. Returns the number of all runs. */
export async function assertConsistent(url: string, ids?: string[]): Promise<number> {
  const runs = await get<Experiment[]>(`${url}/experiments?number=10000`);
  for (const { _id, status, version } of runs.filter((run) => ids?.includes(run._id) ?? true)) {
    const history = await get<HistoryEntry[]>(`${url}/experiment/${_id}/history`);
    const accepted = history.filter((entry) => entry.accepted);
    assert.equal(accepted.at(-1)?.to, status, _id);
    assert.equal(accepted.length, version, _id);
    assert.deepEqual(
      history.map(({ sequence }) => sequence),
      history.map((_, index) => index + 1),
      _id,
    );
  }
  const health = await get<{ total_experiments: number }>(`${url}/health`);
  assert.equal(health.total_experiments, runs.length);
  return runs.length;
}

/** Starts, pauses, continues and ends runs, several at a time, until it is told to stop; resolves to the number of runs started. */
export async function keepWriting(url: string, stop: AbortSignal, writers = 4): Promise<number> {
  const post = async (path: string, body: unknown = {}) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Experiment;
  };
  let runs = 0;
  const write = async () => {
    while (!stop.aborted) {
      const { _id } = await post('/experiment', { experiment_design: { experiment_name: 'load' } });
      runs += 1;
      for (const command of ['pause', 'continue', 'end']) {
        if (!stop.aborted) await post(`/experiment/${_id}/${command}`);
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return runs;
}
