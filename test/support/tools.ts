import { join } from 'node:path';
import { runCommand } from './command.ts';
import { hashFiles, makeOnce, projectRoot } from './once.ts';

const buildTimeoutMs = 15 * 60_000;

/**
 * The path of a MongoDB-wire server (FerretDB on SQLite), built with Go from `test/tools/ferretdb` at the first
 * call and kept under `.cache/`. Rejects with the compiler's own words when it can't be built.
 */
export async function ensureFerretDb(): Promise<string> {
  const source = join(projectRoot, 'test', 'tools', 'ferretdb');
  const hash = await hashFiles(['go.mod', 'go.sum', 'main.go'].map((file) => join(source, file)));
  const folder = await makeOnce(`ferretdb-${hash}`, async (target) => {
    const parameters = ['build', '-buildvcs=false', '-trimpath', '-o', join(target, 'ferretdb'), '.'];
    await runCommand('go', parameters, { cwd: source, timeoutMs: buildTimeoutMs });
  });
  return join(folder, 'ferretdb');
}
