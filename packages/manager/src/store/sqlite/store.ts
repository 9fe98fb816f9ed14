/** The store on an embedded SQLite file: one process, one writer. */
import { unfinishedCopy } from '../archive.ts';
import { StoreError, type Page, type RunPage, type Store, type Undelivered } from '../store.ts';
import { createCopyMark } from './copy-mark.ts';
import { asStoreError } from './errors.ts';
import { openDatabase } from './open.ts';
import { createReads, type Reads } from './reads.ts';
import { createTransact } from './transactions.ts';
import { createWriter } from './writer.ts';
import { createWrites } from './writes.ts';

/** Most remembered outcomes dropped in one transaction, so that no command waits long for it. */
const dropBatch = 1000;

/**
 * Opens the store in the file at `path`, which is made if it is not there; `:memory:` keeps everything in memory.
 *
 * @throws StoreError (as a rejection) which says what is wrong with the file
 */
export async function openSqliteStore(path: string): Promise<Store> {
  const { database, close } = openDatabase(path);
  const mark = createCopyMark(database).read();
  if (mark !== undefined) {
    close();
    throw new StoreError(unfinishedCopy(`The database ${path}`, mark));
  }
  const reads = createReads(database);
  const writes = createWrites(database);
  const writer = createWriter(createTransact(database, writes), path);
  let closing: Promise<void> | undefined;

  const reading = async <T>(read: () => T): Promise<T> => {
    if (!database.isOpen) throw new StoreError(`The database ${path} is closed`);
    try {
      return read();
    } catch (error) {
      throw asStoreError(error, path);
    }
  };

  return {
    start: (write) => writer.write(() => writes.start(write)),
    command: (write) => writer.write(() => writes.command(write)),
    edit: (write) => writer.write(() => writes.edit(write)),
    putCampaign: (write) => writer.write(() => writes.putCampaign(write)),
    ...readers(reads, reading),
    dropEvents: (ids) => writer.write(() => writes.dropEvents(ids)),
    forgetUndelivered: (id) => writer.piggyback(() => writes.forgetUndelivered(id)),
    dropOnce: async (before) => {
      while ((await writer.write(() => writes.dropOnce(before, dropBatch))) === dropBatch);
    },
    close: () => (closing ??= writer.close().then(close)),
  };
}

type Reading = <T>(read: () => T) => Promise<T>;

function readers(reads: Reads, reading: Reading) {
  return {
    run: (id: string) => reading(() => reads.run(id)),
    runs: (page: RunPage) => reading(() => reads.runs(page)),
    history: (id: string, page: Page) => reading(() => reads.history(id, page)),
    campaign: (id: string) => reading(() => reads.campaign(id)),
    campaigns: (page: Page) => reading(() => reads.campaigns(page)),
    counts: () => reading(() => reads.counts()),
    events: (limit: number) => reading(() => reads.events(limit)),
    undelivered: (since: number): Promise<Undelivered[]> => reading(() => reads.undelivered(since)),
    check: () => reading(() => void reads.counts()),
  };
}
