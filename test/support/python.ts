import { join } from 'node:path';
import { runCommand } from './command.ts';
import { hashFiles, makeOnce, projectRoot } from './once.ts';

/** What can be installed: each name has its `test/python/requirements-<name>.txt`. */
export type PythonEnvironment = MadsciVersion | 'schemathesis';
export type MadsciVersion = '0.6.1' | '0.8.1';

export interface Venv {
  /** Folder of the virtual environment. */
  path: string;
  /** Its Python interpreter. */
  python: string;
  /** Absolute path of a program that its packages brought. */
  program(name: string): string;
}

const uvRequirement = 'uv==0.13.9';
const installTimeoutMs = 10 * 60_000;
const systemPython = 'python3';
// Never another Python than the machine's: nothing is downloaded but the packages.
const uvEnvironment = { UV_PYTHON_DOWNLOADS: 'never', UV_NO_PROGRESS: '1' };

async function ensureUv(): Promise<string> {
  const name = `uv-${await hashFiles([], uvRequirement)}`;
  const folder = await makeOnce(name, async (target) => {
    const parameters = ['-m', 'pip', 'install', '--quiet', '--target', target, uvRequirement];
    await runCommand(systemPython, parameters, { timeoutMs: installTimeoutMs });
  });
  return join(folder, 'bin', 'uv');
}

async function install(path: string, requirements: string): Promise<void> {
  const uv = await ensureUv();
  const options = { env: { ...process.env, ...uvEnvironment }, timeoutMs: installTimeoutMs };
  await runCommand(
    uv,
    ['venv', '--allow-existing', '--relocatable', '--python', systemPython, path],
    options,
  );
  const target = ['--python', join(path, 'bin', 'python'), '--requirement', requirements];
  await runCommand(uv, ['pip', 'install', '--compile-bytecode', ...target], options);
}

/**
 * A virtual environment with the pinned packages, made under `.cache/` at the first call and kept.
 * Rejects with the installer's own words when it can't be made.
 */
export async function ensureVenv(name: PythonEnvironment): Promise<Venv> {
  const requirements = join(projectRoot, 'test', 'python', `requirements-${name}.txt`);
  const hash = await hashFiles([requirements]);
  const path = await makeOnce(`venv-${name}-${hash}`, (folder) => install(folder, requirements));
  const program = (file: string): string => join(path, 'bin', file);
  return { path, python: program('python'), program };
}
