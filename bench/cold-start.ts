/** How long from the start of the process to its first reply, beside MADSci 0.6.1 whose database is running already? */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startMadsci } from '../test/support/madsci-server.ts';
import { ensureVenv } from '../test/support/python.ts';
import { findFreePort, startServerProcess } from '../test/support/server-process.ts';
import type { ServerProcessOptions } from '../test/support/server-process.ts';
import type { Bench } from './harness/bench.ts';
import { answers, managerProcess } from './harness/servers.ts';
import { createStoreFile } from './harness/sqlite-file.ts';
import { median, pairedRatio, type Ratio } from './harness/statistics.ts';

const storedRuns = 100;
const pollMs = 5;
const startTimeoutMs = 120_000;

export interface ColdStart {
  oursMs: number;
  madsciMs: number;
  /** MADSci's time divided by ours. */
  ratio: Ratio;
}

type ProcessAt = (port: number) => ServerProcessOptions;

export async function measureColdStart({ folder, progress, quick }: Bench): Promise<ColdStart> {
  progress('Cold start: starting a database for MADSci');
  const home = join(folder, 'cold');
  await mkdir(home);
  const { path } = await createStoreFile(join(home, 'ours.db'), storedRuns, progress);
  const ours: ProcessAt = (port) => managerProcess(home, path, port);
  const running = await startMadsci({ version: '0.6.1' });
  try {
    const { python } = await ensureVenv('0.6.1');
    const madsci: ProcessAt = (port) => ({
      name: 'MADSci',
      program: python,
      parameters: ['-m', 'madsci.experiment_manager.experiment_server'],
      cwd: home,
      env: { ...running.env, HOME: home, EXPERIMENT_SERVER_URL: `http://127.0.0.1:${port}/` },
      logFile: join(home, 'madsci.log'),
    });
    return await alternate(ours, madsci, quick ? 3 : 9, progress);
  } finally {
    await running.stop();
  }
}

async function alternate(ours: ProcessAt, madsci: ProcessAt, rounds: number, progress: Bench['progress']) {
  const oursMs: number[] = [];
  const madsciMs: number[] = [];
  // The first start of each fills the system's file cache.
  for (let round = -1; round < rounds; round++) {
    progress(`Cold start, ${round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`}`);
    const pair = [
      { process: ours, times: oursMs },
      { process: madsci, times: madsciMs },
    ];
    for (const { process, times } of round % 2 === 0 ? pair : pair.toReversed()) {
      const elapsedMs = await untilFirstReply(process);
      if (round >= 0) times.push(elapsedMs);
    }
  }
  return { oursMs: median(oursMs), madsciMs: median(madsciMs), ratio: pairedRatio(madsciMs, oursMs) };
}

async function untilFirstReply(processAt: ProcessAt): Promise<number> {
  const port = await findFreePort();
  const begin = performance.now();
  const server = await startServerProcess(processAt(port));
  try {
    while (!(await answers(`http://127.0.0.1:${port}`).catch(() => false))) {
      if (server.ended || performance.now() - begin > startTimeoutMs) {
        throw new Error(`${server.name} did not come up:\n${await server.readLog()}`);
      }
      await delay(pollMs);
    }
    return performance.now() - begin;
  } finally {
    await server.stop();
  }
}
