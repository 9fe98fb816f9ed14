/**
 * `fill.ts PATH WAY`: writes runs until the disk is full, frees space, writes again, and tells what was acknowledged when. WAY is how
 * space comes back: `file`, by removing a large file beside the database; `limit`, by raising the size that files may have.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { StoreError, type Store } from '../../../src/store/store.ts';
import { openSqliteStore } from '../../../src/store/sqlite/store.ts';
import { readRuns, sampleRun, startOf } from '../samples.ts';

const fillerBytes = 2 * 1024 * 1024;
const burst = 8;

const [path = '', way = ''] = process.argv.slice(2);
const filler = `${path}.filler`;

/** A burst of starts of 20 kB each: the ids of those acknowledged and the messages of the others. */
async function startSome(store: Store) {
  const runs = Array.from({ length: burst }, () => sampleRun({ notes: 'x'.repeat(20_000) }));
  const results = await Promise.allSettled(runs.map((run) => store.start(startOf(run))));
  const acknowledged = runs.filter((_, index) => results[index]?.status === 'fulfilled');
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  for (const failure of failures) assert.ok(failure instanceof StoreError);
  return {
    ids: acknowledged.map(({ _id }) => _id),
    failures: failures.map((failure) => (failure as Error).message),
  };
}

function freeSpace() {
  if (way === 'file') rmSync(filler);
  else execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:']);
}

process.on('SIGXFSZ', () => undefined); // The write then fails instead of ending the process.
if (way === 'file') writeFileSync(filler, Buffer.alloc(fillerBytes));
const store = await openSqliteStore(path);
const before: string[] = [];
let failures: string[] = [];
while (failures.length === 0) {
  const some = await startSome(store);
  before.push(...some.ids);
  failures = some.failures;
}
failures.push(...(await startSome(store)).failures);
const whileFull = (await readRuns(store)).map(({ _id }) => _id);
freeSpace();
const after = await startSome(store);
await store.close();
const again = await openSqliteStore(path);
const kept = (await readRuns(again)).map(({ _id }) => _id);
const { total } = await again.counts();
await again.close();
process.send?.({ before, failures, whileFull, after, kept, total });
process.disconnect();
