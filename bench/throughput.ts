/** How many requests a second does ours answer, beside MADSci 0.6.1 and beside bare Fastify, all with 100 stored runs? */
import { join } from 'node:path';
import type { Bench } from './harness/bench.ts';
import { operations, type Operation } from './harness/operations.ts';
import { runRounds, seriesOf, summary, type Series, type Summary } from './harness/rounds.ts';
import { startCeiling, startOurs, startPeer, type Server } from './harness/servers.ts';
import { createStoreFile } from './harness/sqlite-file.ts';
import { pairedRatio, type Ratio } from './harness/statistics.ts';

const storedRuns = 100;

/** At this many connections ratios are taken: there they hold still while absolute figures swing. */
const manyConnections = 32;

/** Python's number of the level WARNING. */
const quietLogs = { EVENT_CLIENT_LOG_LEVEL: '30' };

/** A control outside these bounds tells that the machine was too busy. */
const controlBounds = [0.9, 1.1] as const;

interface OperationRatios {
  operation: Operation;
  madsci: Ratio;
  madsciQuiet: Ratio;
  ceiling: Ratio;
  /** The ceiling against itself. */
  control: Ratio;
}

export interface Throughput {
  storedRuns: number;
  /** Ours divided by the others, at 32 connections. */
  ratios: OperationRatios[];
  conclusive: boolean;
  summaries: Summary[];
}

export async function measureThroughput({ folder, load, progress, quick }: Bench): Promise<Throughput> {
  progress('Throughput: starting our manager, MADSci twice and the ceiling');
  const servers: Server[] = [];
  try {
    const file = await createStoreFile(join(folder, 'ours.db'), storedRuns, progress);
    const ours = await startOurs('ours', join(folder, 'ours'), file);
    servers.push(ours);
    servers.push(await startPeer('madsci', storedRuns, {}));
    servers.push(await startPeer('madsciQuiet', storedRuns, quietLogs));
    const ceiling = await startCeiling('ceiling', join(folder, 'ceiling'), ours);
    servers.push(ceiling);

    const shared = { operations, sliceMs: 1000 };
    const many = await runRounds(
      load,
      {
        ...shared,
        contestants: [...servers, { ...ceiling, name: 'control' }],
        connections: manyConnections,
        rounds: quick ? 3 : 9,
        warmUpRounds: 1,
      },
      progress,
    );
    const one = await runRounds(
      load,
      { ...shared, contestants: servers, connections: 1, rounds: quick ? 1 : 5, warmUpRounds: 0 },
      progress,
    );
    return evaluate(many, one);
  } finally {
    for (const server of servers.toReversed()) await server.stop();
  }
}

function evaluate(many: readonly Series[], one: readonly Series[]): Throughput {
  const rate = (contestant: string, operation: Operation) => seriesOf(many, contestant, operation).perSecond;
  const ratios = operations.map((operation) => ({
    operation,
    madsci: pairedRatio(rate('ours', operation), rate('madsci', operation)),
    madsciQuiet: pairedRatio(rate('ours', operation), rate('madsciQuiet', operation)),
    ceiling: pairedRatio(rate('ours', operation), rate('ceiling', operation)),
    control: pairedRatio(rate('ceiling', operation), rate('control', operation)),
  }));
  const [low, high] = controlBounds;
  const conclusive = ratios.every(({ control }) => control.median >= low && control.median <= high);
  const shown = [...many, ...one].filter(({ contestant }) => contestant !== 'control');
  return { storedRuns, ratios, conclusive, summaries: shown.map(summary) };
}
