/**
 * Holds a database until it is killed or told to let go: `hold.ts manager PATH` as an experiment manager does, `hold.ts write PATH` as a
 * person does in a SQLite shell, with a transaction that writes.
 */
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../../src/store/sqlite/store.ts';

const [how, path = ''] = process.argv.slice(2);

async function hold(): Promise<() => unknown> {
  if (how === 'manager') {
    const store = await openSqliteStore(path);
    return () => store.close();
  }
  const database = new DatabaseSync(path);
  database.exec('BEGIN IMMEDIATE');
  return () => database.exec('COMMIT');
}

const letGo = await hold();
process.send?.('held');
process.once('message', () => {
  void Promise.resolve(letGo()).then(() => process.disconnect());
});
