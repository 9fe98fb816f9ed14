/** Several processes of this program on one port: the first supervises, the others serve. */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

/** What a worker sends once it serves. */
export const ready = 'ready';

/** A worker that ends by itself is replaced after this; the wait doubles up to a minute while workers end within a minute. */
const firstPauseMs = 500;
const longestPauseMs = 60_000;
const steadyMs = 60_000;

export interface WorkersOptions {
  count: number;
  logger: Logger;
  /** Done once, before the first worker. */
  prepare(): void;
}

export interface Workers {
  /** Resolves when all of them serve; rejects when one ends before that. */
  ready: Promise<void>;
  /** Ends them in order. May be called twice. */
  close(): Promise<void>;
}

/** Starts the first worker alone, so that it initialises a new database, then the others. */
export function startWorkers({ count, logger, prepare }: WorkersOptions): Workers {
  const stopping = new AbortController();
  const { signal } = stopping;
  const alive = new Set<Worker>();
  let pauseMs = firstPauseMs;

  async function start(): Promise<Worker> {
    const worker = cluster.fork();
    alive.add(worker);
    const ended = once(worker, 'exit').then(() => alive.delete(worker));
    const served = new Promise<boolean>((resolve) =>
      worker.on('message', (said) => said === ready && resolve(true)),
    );
    if (!(await Promise.race([served, ended.then(() => false)])))
      throw new Error('A worker ended at its start');
    return worker;
  }

  async function supervise(worker: Worker) {
    const since = performance.now();
    if (!worker.isDead()) await once(worker, 'exit');
    if (signal.aborted) return;
    const pid = worker.process.pid;
    logger.error(
      { pid, code: worker.process.exitCode, signal: worker.process.signalCode },
      'A worker has ended; it is replaced',
    );
    pauseMs = performance.now() - since > steadyMs ? firstPauseMs : Math.min(2 * pauseMs, longestPauseMs);
    await replace();
  }

  async function replace() {
    while (!signal.aborted) {
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const worker = await start().catch(() => undefined);
      if (worker !== undefined) return void supervise(worker);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  }

  async function startAll() {
    prepare();
    const workers = [await start()];
    workers.push(...(await Promise.all(Array.from({ length: count - 1 }, start))));
    for (const worker of workers) void supervise(worker);
    logger.info({ workers: count }, 'All workers serve');
  }

  const close = async () => {
    stopping.abort();
    const ends = [...alive].map((worker) => once(worker, 'exit'));
    for (const worker of alive) worker.process.kill('SIGTERM');
    await Promise.all(ends);
  };
  return { ready: startAll(), close };
}
