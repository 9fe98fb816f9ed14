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

/**
 * The folder that holds mongodump and mongorestore, built with Go from `test/tools/mongo-tools` at the first call and
 * kept under `.cache/`. Rejects with the compiler's own words when they can't be built.
 */
export async function ensureMongoTools(): Promise<string> {
  const source = join(projectRoot, 'test', 'tools', 'mongo-tools');
  const hash = await hashFiles(['go.mod', 'go.sum', 'tools.go'].map((file) => join(source, file)));
  return makeOnce(`mongo-tools-${hash}`, async (target) => {
    // The public checksum database does not know this module; go.sum still pins its content.
    const env = { ...process.env, GONOSUMDB: 'github.com/mongodb/mongo-tools' };
    for (const tool of ['mongodump', 'mongorestore']) {
      const main = `github.com/mongodb/mongo-tools/${tool}/main`;
      const parameters = ['build', '-buildvcs=false', '-trimpath', '-o', join(target, tool), main];
      await runCommand('go', parameters, { cwd: source, env, timeoutMs: buildTimeoutMs });
    }
  });
}
