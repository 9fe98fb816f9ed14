// Runs the tests: `node scripts/test.mjs [soak] [text in the path of a test file ...]`.
// `soak` sets SOAK=1: the same tests with more rounds and more seeds. The last line is `N passed, N failed`.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['packages', 'test'];
const words = process.argv.slice(2);
const soak = words.includes('soak') || process.env.SOAK === '1';
const selected = words.filter((word) => word !== 'soak');
const testTimeoutMs = (soak ? 60 : 8) * 60_000;
const runTimeoutMs = (soak ? 360 : 40) * 60_000;

function findTestFiles(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split(sep).some((part) => part === 'node_modules' || part === 'dist'))
    .filter((path) => selected.length === 0 || selected.some((text) => path.includes(text)));
}

/** Resolves to the runner's own totals; a file that ran no test at all is reported as one passed test, so those are listed. */
async function runTests(files) {
  const stream = run({
    files,
    concurrency: Math.max(2, availableParallelism()),
    timeout: testTimeoutMs,
    signal: AbortSignal.timeout(runTimeoutMs),
    execArgv: ['--conditions=@madsci-ts/source', '--disable-warning=ExperimentalWarning'],
  });
  const emptyFiles = [];
  let totals;
  stream.on('test:pass', ({ name, nesting }) => {
    if (nesting === 0 && files.includes(name)) emptyFiles.push(name);
  });
  stream.on('test:summary', ({ file, counts }) => {
    if (file === undefined) totals = counts;
  });
  const report = stream.compose(spec);
  for await (const text of report) process.stdout.write(text);
  return { totals, emptyFiles };
}

function summarize({ totals, emptyFiles }) {
  for (const file of emptyFiles) console.log(`${file} holds no test`);
  if (totals === undefined) {
    console.log(`The tests did not finish within ${runTimeoutMs / 60_000} minutes`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  return {
    passed: totals.passed - emptyFiles.length,
    failed: totals.failed + totals.cancelled + emptyFiles.length,
    skipped: totals.skipped + totals.todo,
  };
}

process.chdir(root);
if (soak) process.env.SOAK = '1';
const files = folders.flatMap(findTestFiles).toSorted();
if (files.length === 0) console.log(`No test file matches ${selected.join(' ')}`);
const { passed, failed, skipped } =
  files.length === 0 ? { passed: 0, failed: 1, skipped: 0 } : summarize(await runTests(files));
const incomplete = passed === 0 || (Boolean(process.env.CI) && skipped > 0);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 || incomplete ? 1 : 0);
