/** The files that mongodump writes: documents one after the other in `.bson`, indexes in `.metadata.json`. */
import { open, readFile } from 'node:fs/promises';
import { BSON, type Collection, type IndexDescription } from 'mongodb';
import { BackupError } from './errors.ts';

const chunkBytes = 4 * 1024 * 1024;

/** The smallest document: its length and the final zero. */
const minDocumentBytes = 5;

/**
 * How many documents a dump holds; every one begins with its length.
 *
 * @throws BackupError where the file ends inside a document
 */
export async function countDocuments(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(chunkBytes);
    let documents = 0;
    let position = 0;
    while (position < size) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, position);
      let offset = 0;
      while (offset + 4 <= bytesRead) {
        const length = buffer.readInt32LE(offset);
        if (length < minDocumentBytes)
          throw new BackupError(`${path} is damaged at byte ${position + offset}.`);
        offset += length;
        documents += 1;
      }
      position += offset;
      if (offset === 0) break;
    }
    if (position !== size) throw new BackupError(`${path} ends inside a document.`);
    return documents;
  } finally {
    await handle.close();
  }
}

/** What an index was made with before MongoDB 4.4 and is no option any more. */
const formerOptions = new Set(['v', 'ns', 'background']);

/** Makes the indexes that the dump describes, except the one that every collection has. */
export async function createIndexes(collection: Collection, file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { indexes = [] } = BSON.EJSON.parse(text) as { indexes?: (IndexDescription & { name: string })[] };
  const wanted = indexes
    .filter(({ name }) => name !== '_id_')
    .map((index) =>
      Object.fromEntries(Object.entries(index).filter(([option]) => !formerOptions.has(option))),
    );
  if (wanted.length > 0) await collection.createIndexes(wanted as unknown as IndexDescription[]);
}
