/** Results as Markdown tables, for a terminal and for the documentation alike. */
import type { ColdStart } from '../cold-start.ts';
import type { StoredRuns } from '../stored-runs.ts';
import type { Throughput } from '../throughput.ts';
import { aimsOf, type Results } from './results.ts';
import type { Summary } from './rounds.ts';
import type { Ratio } from './statistics.ts';

const names: Record<string, string> = {
  ours: 'ours',
  madsci: 'MADSci 0.6.1',
  madsciQuiet: 'MADSci 0.6.1, quiet logs',
  ceiling: 'ceiling',
};

export function tables(results: Results): string {
  const { throughput, storedRuns, coldStart } = results;
  return [
    `Measured on ${results.date} with Node ${results.node} on ${results.cores} cores.`,
    conclusion(results),
    '### Aims',
    table(
      ['what', 'aim', 'found', ''],
      aimsOf(results).map(({ what, aim, found, met }) => [what, aim, found, met ? 'met' : 'missed']),
    ),
    ...(throughput === undefined ? [] : throughputTables(throughput)),
    ...(storedRuns === undefined ? [] : storedRunsTables(storedRuns)),
    ...(coldStart === undefined ? [] : coldStartTable(coldStart)),
  ].join('\n\n');
}

/** What stands above the tables where a run proves less than a full one. */
function conclusion({ throughput, quick }: Results): string {
  if (throughput?.conclusive === false)
    return '**Inconclusive: the control left 0.9 to 1.1, so the machine was too busy.**';
  return quick ? '**A quick run: few rounds, no proof.**' : 'The control stayed within 0.9 to 1.1.';
}

function throughputTables({ ratios, summaries, storedRuns }: Throughput): string[] {
  const rows = ratios.map(({ operation, madsci, madsciQuiet, ceiling, control }) => [
    operation,
    spread(madsci),
    spread(madsciQuiet),
    percent(ceiling),
    control.median.toFixed(2),
  ]);
  const columns = ['', '÷ MADSci', '÷ MADSci, quiet logs', '÷ ceiling', 'control'];
  return [
    `### Ours divided by the others: 32 connections, ${storedRuns} stored runs`,
    table(columns, rows),
    '### 32 connections',
    speeds(summaries.filter(({ connections }) => connections === 32)),
    '### 1 connection',
    speeds(summaries.filter(({ connections }) => connections === 1)),
  ];
}

function storedRunsTables({ ratios, summaries }: StoredRuns): string[] {
  const rows = ratios.map((ratio) => [ratio.operation, spread(ratio['100k']), spread(ratio['1M'])]);
  return [
    '### Time per request with many stored runs, divided by the time with 1k',
    table(['', '100k', '1M'], rows),
    '### Ours with many stored runs, 32 connections',
    speeds(summaries),
  ];
}

function coldStartTable({ oursMs, madsciMs, ratio }: ColdStart): string[] {
  const row = [`${Math.round(oursMs)} ms`, `${Math.round(madsciMs)} ms`, spread(ratio)];
  return [
    '### From the start of the process to its first reply',
    table(['ours', 'MADSci 0.6.1', 'MADSci ÷ ours'], [row]),
  ];
}

function speeds(summaries: readonly Summary[]): string {
  const columns = [
    '',
    'server',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'server CPU ms/request',
    "load's CPU, cores",
  ];
  const rows = summaries
    .toSorted((a, b) => a.operation.localeCompare(b.operation))
    .map((one) => [
      one.operation,
      names[one.contestant] ?? one.contestant,
      figure(one.perSecond),
      figure(one.p50Ms),
      figure(one.p99Ms),
      figure(one.cpuMsPerRequest),
      one.clientCpu.toFixed(2),
    ]);
  return table(columns, rows);
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = columns.map((name, index) => (index === 0 || name === 'server' ? '---' : '--:'));
  return [columns, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Three digits that count. */
function figure(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

/** The median and, in brackets, the middle half of the rounds. */
function spread({ median, low, high }: Ratio): string {
  return `${figure(median)} (${figure(low)} to ${figure(high)})`;
}

function percent({ median, low, high }: Ratio): string {
  const share = (value: number) => Math.round(value * 100);
  return `${share(median)} % (${share(low)} to ${share(high)})`;
}
