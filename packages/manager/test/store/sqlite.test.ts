import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { storeContract } from './contract.ts';

storeContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  return {
    open: () => openSqliteStore(join(folder, 'experiments.db')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});
