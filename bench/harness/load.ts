/** The process that makes the load: takes slices from its parent, answers each with what it measured. */
import { createHistogram } from 'node:perf_hooks';
import { exchange } from './load-connection.ts';
import { requestsOf, type Operation } from './operations.ts';

/** A stretch of load on one server. */
export interface Slice {
  url: string;
  operation: Operation;
  connections: number;
  durationMs: number;
  /** Runs to ask for. */
  ids: readonly string[];
}

export interface SliceResult {
  requests: number;
  /** Until the last reply arrived. */
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  /** Share of one core that the making of the load took. */
  clientCpu: number;
}

export type LoadAnswer = { ok: true; result: SliceResult } | { ok: false; reason: string };

const nanosecondsPerMs = 1e6;

async function run({ url, operation, connections, durationMs, ids }: Slice): Promise<SliceResult> {
  const { hostname, port, host } = new URL(url);
  const histogram = createHistogram();
  const requests = requestsOf(operation, ids, connections, host);
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  const end = begin + durationMs;
  const shared = {
    hostname,
    port: Number(port),
    onReply: (nanoseconds: number) => histogram.record(nanoseconds),
    goesOn: () => performance.now() < end,
  };
  await Promise.all(requests.map((next) => exchange({ ...shared, next })));
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    requests: histogram.count,
    seconds,
    p50Ms: histogram.percentile(50) / nanosecondsPerMs,
    p99Ms: histogram.percentile(99) / nanosecondsPerMs,
    clientCpu: (user + system) / 1e6 / seconds,
  };
}

function answer(message: LoadAnswer) {
  process.send?.(message);
}

process.on('message', (slice: Slice) => {
  run(slice).then(
    (result) => answer({ ok: true, result }),
    (error: unknown) => answer({ ok: false, reason: error instanceof Error ? error.message : String(error) }),
  );
});
