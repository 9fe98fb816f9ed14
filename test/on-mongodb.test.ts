/** The whole-system tests again, with the runs in a MongoDB-wire server instead of SQLite. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startFerretDb, type FerretDb } from './support/ferretdb.ts';
import { nodeOptions } from './support/manager.ts';

/** Each asks nothing of the store but what both promise; of the crash test the kills, whose other tests hold SQLite's lock. */
const names = ['corpus', 'race', 'python-clients', 'crash'];
const patterns: Record<string, string> = { crash: 'killed at random moments' };
/** Of kills and of races: FerretDB changes a run in milliseconds where SQLite takes microseconds. */
const rounds = '3';

describe('on FerretDB', () => {
  let database: FerretDb | undefined;
  before(async () => {
    database = await startFerretDb();
  });
  after(() => database?.stop());

  for (const name of names) {
    test(name, async () => {
      const path = fileURLToPath(new URL(`${name}.test.ts`, import.meta.url));
      // Without the runner's mark of a child, which would make it report to a parent that does not listen.
      const { NODE_TEST_CONTEXT: _context, ...inherited } = process.env;
      const env = { ...inherited, ROUNDS: rounds, TEST_DB_URL: database?.url ?? '' };
      const pattern = `--test-name-pattern=${patterns[name] ?? '.'}`;
      const child = spawn(process.execPath, [...nodeOptions, '--test', pattern, path], { env });
      let told = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
      const code = await new Promise((resolve) => child.once('close', resolve));
      assert.equal(code, 0, told.slice(-4000));
      assert.match(told, /^(?:ℹ|#) pass [1-9]/m);
    });
  }
});
