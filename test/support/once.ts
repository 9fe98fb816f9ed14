import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const cacheRoot = join(projectRoot, '.cache');
const lockPollMs = 100;

/** The first 12 hexadecimal digits of the SHA-256 over all given texts and files' contents. */
export async function hashFiles(paths: readonly string[], ...texts: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(await readFile(path));
  for (const text of texts) hash.update(text);
  return hash.digest('hex').slice(0, 12);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A database's lock is the system's own: it ends with the process that holds it, however that ends. */
async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    while (!tryLock(lock)) await delay(lockPollMs);
    return await work();
  } finally {
    lock.close();
  }
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && /locked|busy/.test(error.message)) return false;
    throw error;
  }
}

/** What killed builds left behind; one whose programs still run may resist, and the next build tries again. */
async function removeRemains(prefix: string): Promise<void> {
  const remains = (await readdir(cacheRoot)).filter((name) => name.startsWith(prefix));
  await Promise.allSettled(
    remains.map((name) => rm(join(cacheRoot, name), { recursive: true, force: true })),
  );
}

/**
 * Makes the folder `.cache/<name>` with `build`, unless it is there. Any number of processes may ask at once; one
 * builds and the others wait for it. The folder gets its name when it is complete, so `build` must make what can be
 * moved; a killed or failed build is built anew.
 * @param name holds a hash of everything the content depends on.
 * @returns the folder's absolute path. Rejects with what `build` rejected with.
 */
export async function makeOnce(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheRoot, name);
  if (await exists(folder)) return folder;
  await mkdir(cacheRoot, { recursive: true });
  await withLock(join(cacheRoot, `${name}.lock`), async () => {
    if (await exists(folder)) return;
    const prefix = `${name}.building-`;
    await removeRemains(prefix);
    const unfinished = await mkdtemp(join(cacheRoot, prefix));
    await build(unfinished);
    await rename(unfinished, folder);
  });
  return folder;
}
