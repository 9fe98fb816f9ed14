/** `npm run bench`: asks the questions, shows the answers, keeps conclusive ones in docs/. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureColdStart } from './cold-start.ts';
import type { Bench } from './harness/bench.ts';
import { lastResults, writeDocumentation } from './harness/documentation.ts';
import { startLoad } from './harness/load-process.ts';
import { createProgress } from './harness/progress.ts';
import type { Results } from './harness/results.ts';
import { tables } from './harness/tables.ts';
import { measureStoredRuns } from './stored-runs.ts';
import { measureThroughput } from './throughput.ts';

const help = `Usage: npm run bench -- [options]

Measures our manager beside the real MADSci 0.6.1 and a bare Fastify server. Needs Linux, and a machine with
nothing else to do: a control tells when it was too busy. A full run takes about a quarter of an hour.
Conclusive answers are written to docs/benchmarks.md.

Options:
  --quick        three rounds instead of nine: shows that all works, proves nothing
  --only <name>  one question alone: throughput, stored-runs or cold-start
  --json         print the results as JSON
  --render       write docs/benchmarks.md anew from the last full run's figures, measuring nothing
  --help         show this

Examples:
  npm run bench
  npm run bench -- --quick --only stored-runs
`;

const questions = {
  throughput: async (bench: Bench) => ({ throughput: await measureThroughput(bench) }),
  'stored-runs': async (bench: Bench) => ({ storedRuns: await measureStoredRuns(bench) }),
  'cold-start': async (bench: Bench) => ({ coldStart: await measureColdStart(bench) }),
};
type Question = keyof typeof questions;

interface Options {
  quick: boolean;
  json: boolean;
  only?: string;
}

async function measure(asked: readonly Question[], quick: boolean): Promise<Results> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    cores: availableParallelism(),
    quick,
  };
  try {
    await using load = startLoad();
    const bench: Bench = { folder, load, progress: createProgress(), quick };
    for (const question of asked) Object.assign(results, await questions[question](bench));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

async function run({ quick, json, only }: Options) {
  const all = Object.keys(questions) as Question[];
  const asked = only === undefined ? all : all.filter((name) => name === only);
  if (asked.length === 0) fail(`there is no question ${only}; --only takes ${all.join(', ')}`);
  const results = await measure(asked, quick);
  process.stdout.write(`${json ? JSON.stringify(results, null, 2) : tables(results)}\n`);
  if (results.throughput?.conclusive === false)
    fail('inconclusive: the machine was too busy; docs/ stays as it was');
  if (!quick) await writeDocumentation({ ...(only === undefined ? {} : await lastResults()), ...results });
}

function fail(reason: string): never {
  process.stderr.write(`bench: ${reason}\n`);
  process.exit(1);
}

function readOptions() {
  const flag = { type: 'boolean', default: false } as const;
  const options = { quick: flag, json: flag, render: flag, help: flag, only: { type: 'string' } } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}. --help shows what there is.`);
  }
}

const { help: asksHelp, render, ...options } = readOptions();
if (asksHelp) process.stdout.write(help);
else if (render) await writeDocumentation((await lastResults()) as Results);
else await run(options);
