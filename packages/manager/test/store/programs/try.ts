/** `try.ts PATH [UID]`: opens a store, as another user where a UID is given, starts a run, and tells how far it came. */
import { StoreError } from '../../../src/store/store.ts';
import { openSqliteStore } from '../../../src/store/sqlite/store.ts';
import { sampleRun, startOf } from '../samples.ts';

const [path = '', uid] = process.argv.slice(2);

async function attempt(): Promise<string> {
  try {
    const store = await openSqliteStore(path);
    const { kind } = await store.start(startOf(sampleRun()));
    await store.close();
    return kind;
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
}

if (uid !== undefined) {
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
process.send?.(await attempt());
process.disconnect();
