/** What a run of the benchmark found. */
import type { ColdStart } from '../cold-start.ts';
import type { StoredRuns } from '../stored-runs.ts';
import type { Throughput } from '../throughput.ts';

export interface Results {
  /** Date, e.g. 2026-01-31. */
  date: string;
  node: string;
  cores: number;
  quick: boolean;
  throughput?: Throughput;
  storedRuns?: StoredRuns;
  coldStart?: ColdStart;
}

/** One thing that the manager has to reach. */
export interface Aim {
  what: string;
  aim: string;
  found: string;
  met: boolean;
}

const slowdownLimit = 1.2;

export function aimsOf({ throughput, storedRuns, coldStart }: Results): Aim[] {
  return [
    ...(throughput === undefined ? [] : throughputAims(throughput)),
    ...(storedRuns?.ratios ?? []).map(({ operation, '1M': ratio }) => ({
      what: `time for \`${operation}\` with 1M stored runs, divided by 1k`,
      aim: `≤ ${slowdownLimit}`,
      found: ratio.median.toFixed(2),
      met: ratio.median <= slowdownLimit,
    })),
    ...(coldStart === undefined
      ? []
      : [atLeast('cold start, times faster than MADSci', coldStart.ratio.median, 4)]),
  ];
}

function throughputAims({ ratios }: Throughput): Aim[] {
  const of = (operation: string) => ratios.find((ratio) => ratio.operation === operation);
  const times = (operation: string, aim: number) =>
    atLeast(`\`${operation}\`, times MADSci's requests a second`, of(operation)?.madsci.median, aim);
  const share = of('get')?.ceiling.median ?? Number.NaN;
  const get: Aim = {
    what: "`get`, share of the ceiling's requests a second",
    aim: '≥ 70 %',
    found: `${Math.round(share * 100)} %`,
    met: share >= 0.7,
  };
  return [times('start', 80), times('lifecycle', 150), times('list', 200), get];
}

function atLeast(what: string, found = Number.NaN, aim: number): Aim {
  return { what, aim: `≥ ${aim}`, found: found.toPrecision(3), met: found >= aim };
}
