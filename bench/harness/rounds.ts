/** Slices of load on several servers in turn, in alternating order, over many rounds. */
import type { Load } from './load-process.ts';
import { changesStore, type Operation } from './operations.ts';
import { processorSeconds, untilAtRest } from './processor-time.ts';
import type { Progress } from './progress.ts';
import { median } from './statistics.ts';

/** A server that takes part. */
export interface Contestant {
  name: string;
  url: string;
  /** Its processes, its database's included. */
  pids: readonly number[];
  /** Runs that it has. */
  ids: readonly string[];
  /** Puts back what was stored at the beginning. */
  reload(): Promise<void>;
}

export interface Plan {
  contestants: readonly Contestant[];
  operations: readonly Operation[];
  connections: number;
  rounds: number;
  /** Rounds before the first that counts. */
  warmUpRounds: number;
  sliceMs: number;
}

/** What one contestant did with one operation. Lists are by round. */
export interface Series {
  contestant: string;
  operation: Operation;
  connections: number;
  perSecond: number[];
  p50Ms: number[];
  p99Ms: number[];
  /** Processor time of the server and its database. */
  cpuMsPerRequest: number[];
  /** Share of a core that the making of the load took. */
  clientCpu: number[];
}

/** Medians over the rounds. */
export interface Summary {
  contestant: string;
  operation: Operation;
  connections: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuMsPerRequest: number;
  clientCpu: number;
}

export async function runRounds(load: Load, plan: Plan, progress: Progress): Promise<Series[]> {
  const all = new Map<string, Series>();
  for (let round = -plan.warmUpRounds; round < plan.rounds; round++) {
    progress(
      `${plan.connections} connections, ${round < 0 ? 'warm-up' : `round ${round + 1} of ${plan.rounds}`}`,
    );
    for (const operation of plan.operations) {
      for (const contestant of inTurn(plan.contestants, round)) {
        const sample = await runSlice(load, plan, contestant, operation);
        if (round >= 0) add(all, sample, contestant.name, operation, plan.connections);
      }
    }
  }
  return [...all.values()];
}

/** Another one begins each round, and every second round goes backwards. */
function inTurn<T>(contestants: readonly T[], round: number): T[] {
  const first = Math.abs(round) % contestants.length;
  const turned = [...contestants.slice(first), ...contestants.slice(0, first)];
  return round % 2 === 0 ? turned : turned.toReversed();
}

type Sample = Record<'perSecond' | 'p50Ms' | 'p99Ms' | 'cpuMsPerRequest' | 'clientCpu', number>;

/** One slice, until the server is at rest again over the store that it began with. */
async function runSlice(
  load: Load,
  plan: Plan,
  contestant: Contestant,
  operation: Operation,
): Promise<Sample> {
  const { url, ids, pids } = contestant;
  const before = await processorSeconds(pids);
  const slice = { url, ids, operation, connections: plan.connections, durationMs: plan.sliceMs };
  const { requests, seconds, p50Ms, p99Ms, clientCpu } = await load.run(slice);
  await untilAtRest(pids);
  const cpuMsPerRequest = ((await processorSeconds(pids)) - before) * (1000 / requests);
  if (changesStore[operation]) {
    await contestant.reload();
    await untilAtRest(pids);
  }
  return { perSecond: requests / seconds, p50Ms, p99Ms, cpuMsPerRequest, clientCpu };
}

function add(
  all: Map<string, Series>,
  sample: Sample,
  contestant: string,
  operation: Operation,
  connections: number,
) {
  const key = `${contestant} ${operation}`;
  const empty = { perSecond: [], p50Ms: [], p99Ms: [], cpuMsPerRequest: [], clientCpu: [] };
  const series = all.get(key) ?? { contestant, operation, connections, ...empty };
  all.set(key, series);
  for (const name of Object.keys(empty) as (keyof Sample)[]) series[name].push(sample[name]);
}

export function summary(series: Series): Summary {
  const { contestant, operation, connections } = series;
  return {
    contestant,
    operation,
    connections,
    perSecond: median(series.perSecond),
    p50Ms: median(series.p50Ms),
    p99Ms: median(series.p99Ms),
    cpuMsPerRequest: median(series.cpuMsPerRequest),
    clientCpu: median(series.clientCpu),
  };
}

/** @throws Error where nothing was measured for it */
export function seriesOf(all: readonly Series[], contestant: string, operation: Operation): Series {
  const found = all.find((one) => one.contestant === contestant && one.operation === operation);
  if (found === undefined) throw new Error(`nothing was measured of ${operation} at ${contestant}`);
  return found;
}
