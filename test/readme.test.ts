/** What the README says is true: the settings that it lists, and the command that it starts with. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingsMarkdown } from '../packages/manager/src/settings/index.ts';
import { cleanEnvironment } from './support/manager.ts';
import { projectRoot } from './support/once.ts';

/** Prettier pads the cells. */
const cells = (table: string) => table.trim().replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');

test('the README lists every setting', async () => {
  const readme = await readFile(join(projectRoot, 'README.md'), 'utf8');
  const table = /<!-- settings:[^>]*-->([^]*)<!-- \/settings -->/.exec(readme)?.[1] ?? '';
  assert.equal(cells(table), cells(settingsMarkdown()));
});

test('npm start serves until it is told to stop', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'start-'));
  const child = spawn('npm', ['start'], {
    cwd: projectRoot,
    env: cleanEnvironment({
      EXPERIMENT_SERVER_URL: 'http://127.0.0.1:0',
      EXPERIMENT_DB_URL: `sqlite:${join(folder, 'experiments.db')}`,
      EXPERIMENT_MANAGER_DEFINITION: join(folder, 'experiment.manager.yaml'),
    }),
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdout.resume();
  const ended = once(child, 'close') as Promise<[number | null]>;
  const url = () => /"url":"(http[^"]+)"[^\n]*is ready/.exec(said)?.[1];
  while (url() === undefined && child.exitCode === null) await once(child.stderr, 'data');
  const reply = await fetch(`${url()}/health`);
  assert.equal(((await reply.json()) as { healthy: boolean }).healthy, true);
  child.kill('SIGTERM');
  assert.equal((await ended)[0], 0);
  assert.match(said, /Experiment Manager has stopped/);
  await rm(folder, { recursive: true });
});
