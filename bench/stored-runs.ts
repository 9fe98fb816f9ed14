/** Does a request cost more when 100 thousand or a million runs are stored instead of a thousand? */
import { join } from 'node:path';
import type { Bench } from './harness/bench.ts';
import type { Operation } from './harness/operations.ts';
import { runRounds, seriesOf, summary, type Series, type Summary } from './harness/rounds.ts';
import { startOurs, type Server } from './harness/servers.ts';
import { createStoreFile } from './harness/sqlite-file.ts';
import { pairedRatio, type Ratio } from './harness/statistics.ts';

const connections = 32;
const sizes = { '1k': 1000, '100k': 100_000, '1M': 1_000_000 };
type Size = keyof typeof sizes;

const measured = ['list', 'get', 'health', 'start'] as const satisfies Operation[];

export interface StoredRuns {
  /** Time per request, divided by the time with 1k runs. */
  ratios: { operation: Operation; '100k': Ratio; '1M': Ratio }[];
  summaries: Summary[];
}

export async function measureStoredRuns({ folder, load, progress, quick }: Bench): Promise<StoredRuns> {
  const servers: Server[] = [];
  try {
    for (const [name, runs] of Object.entries(sizes)) {
      progress(`Stored runs: making a store of ${name}`);
      const file = await createStoreFile(join(folder, `${name}.db`), runs, progress);
      const large = runs > sizes['1k'];
      servers.push(await startOurs(name, join(folder, name), file, { large }));
    }
    const plan = {
      contestants: servers,
      operations: measured,
      connections,
      rounds: quick ? 3 : 9,
      warmUpRounds: 1,
      sliceMs: 1000,
    };
    return evaluate(await runRounds(load, plan, progress));
  } finally {
    for (const server of servers.toReversed()) await server.stop();
  }
}

function evaluate(all: readonly Series[]): StoredRuns {
  const rate = (size: Size, operation: Operation) => seriesOf(all, size, operation).perSecond;
  const ratios = measured.map((operation) => ({
    operation,
    '100k': pairedRatio(rate('1k', operation), rate('100k', operation)),
    '1M': pairedRatio(rate('1k', operation), rate('1M', operation)),
  }));
  return { ratios, summaries: all.map(summary) };
}
