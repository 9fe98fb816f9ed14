/** The mark of a copy into this database that is not complete: one document, in a collection of its own. */
import type { Collection, Db } from 'mongodb';
import { unfinishedCopy, type CopyMark } from '../archive.ts';
import { StoreError } from '../store.ts';

interface MarkDocument {
  _id: 'copy';
  mark: string;
}

export function createCopyMark(database: Db, runs: string) {
  const marks: Collection<MarkDocument> = database.collection(`${runs}_copy`);
  return {
    read: async (): Promise<CopyMark | undefined> => {
      const found = await marks.findOne({ _id: 'copy' });
      return found === null ? undefined : (JSON.parse(found.mark) as CopyMark);
    },
    set: async (mark: CopyMark) => {
      await marks.replaceOne({ _id: 'copy' }, { mark: JSON.stringify(mark) }, { upsert: true });
    },
    remove: async () => {
      await marks.deleteOne({ _id: 'copy' });
    },
  };
}

/** @throws StoreError */
export async function refuseUnfinishedCopy(database: Db, runs: string): Promise<void> {
  const mark = await createCopyMark(database, runs).read();
  if (mark !== undefined) throw new StoreError(unfinishedCopy(`The database ${database.databaseName}`, mark));
}
