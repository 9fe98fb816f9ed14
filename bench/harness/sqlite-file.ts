/** Files of stored runs, and how they are put back. */
import { copyFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { createExperiments } from '../../packages/manager/src/domain/experiments.ts';
import { systemIdentity } from '../../packages/manager/src/domain/identity.ts';
import { openSqliteStore } from '../../packages/manager/src/store/sqlite/store.ts';
import { startBody } from './operations.ts';
import type { Progress } from './progress.ts';

/** Starts in one transaction. */
const batch = 20_000;

/** One start every ten seconds, the last one in the past. */
const spacingMs = 10_000;

/** How long a reload waits for the manager's own last write. */
const busyTimeoutMs = 10_000;

/** Ids that requests choose from: more would only make the generator of the load slower. */
const maxIds = 10_000;

export interface StoreFile {
  path: string;
  runs: number;
  /** Of all runs, or evenly spread over them. */
  ids: string[];
}

/** Makes a file with that many runs, by the manager's own code. */
export async function createStoreFile(path: string, runs: number, progress: Progress): Promise<StoreFile> {
  const store = await openSqliteStore(path);
  let time = Date.now() - runs * spacingMs;
  const identity = { ...systemIdentity(), now: () => (time += spacingMs) };
  const experiments = createExperiments({ store, identity, owner: {} });
  const caller = { actor: 'anonymous@127.0.0.1', requestId: 'generated' };
  const ids: string[] = [];
  const idEvery = Math.max(1, Math.floor(runs / maxIds));
  for (let done = 0; done < runs; done += batch) {
    const count = Math.min(batch, runs - done);
    const texts = await Promise.all(
      Array.from({ length: count }, () => experiments.start(startBody, caller)),
    );
    ids.push(...texts.filter((_, index) => (done + index) % idEvery === 0).map(idOf));
    if ((done + count) % 100_000 === 0) progress(`${done + count} of ${runs} runs stored`);
  }
  await store.close();
  return { path, runs, ids };
}

function idOf(text: string): string {
  return (JSON.parse(text) as { _id: string })._id;
}

/**
 * Keeps a copy of a small file that no manager has open yet.
 * @returns puts its content back, under a manager that has it open and is at rest
 */
export async function keepCopy(path: string): Promise<() => Promise<void>> {
  const copy = `${path}.copy`;
  await copyFile(path, copy);
  return async () => {
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    try {
      putBack(database, copy);
    } finally {
      database.close();
    }
  };
}

function putBack(database: DatabaseSync, copy: string) {
  database.prepare('ATTACH ? AS kept').run(copy);
  const tables = database
    .prepare(`SELECT name FROM kept.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all();
  database.exec('BEGIN IMMEDIATE');
  for (const table of tables) {
    const name = String(table['name']);
    database.exec(`DELETE FROM main."${name}"; INSERT INTO main."${name}" SELECT * FROM kept."${name}"`);
  }
  database.exec('COMMIT');
}
