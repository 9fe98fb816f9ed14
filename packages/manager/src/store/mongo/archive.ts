/** What a MongoDB store holds, record by record. */
import {
  maxPageCharacters,
  maxPageRecords,
  type Archive,
  type CopyMark,
  type RecordKind,
  type RecordPage,
  type Records,
} from '../archive.ts';
import { StoreError } from '../store.ts';
import { createStreams, type Placed, type Streams } from './archive-reads.ts';
import { createPuts, refuseChanged } from './archive-writes.ts';
import { createCalls, type Calls } from './calls.ts';
import { createCopyMark } from './copy-mark.ts';
import { countAll, countsOf } from './counters.ts';
import { preparationTimeoutMs } from './limits.ts';
import { collectionsOf, createIndexes, type Collections } from './names.ts';
import { checkVersion, connect, type Connected, type MongoPlace } from './open.ts';
import { databaseVersion } from './versions.ts';

export interface MongoArchiveOptions {
  create: boolean;
  /** Milliseconds since 1970; marks of starts before that are left out. */
  undeliveredSince: number;
}

/**
 * Opens a database to copy from it or into it. That no manager works on it is not seen here, but by the check at the end of the copy.
 *
 * @throws StoreError (as a rejection) which says what is wrong, without secrets
 */
export async function openMongoArchive(
  place: MongoPlace,
  { create, undeliveredSince }: MongoArchiveOptions,
): Promise<Archive> {
  const connected = await connect(place, undefined, preparationTimeoutMs);
  try {
    if (!create) await refuseMissing(connected);
    await checkVersion(connected.database);
    const collections = collectionsOf(connected.database, place.collection);
    const calls = createCalls({ where: connected.where, onUnknown: () => undefined, maxWrites: Infinity });
    const streams = createStreams({ collections, calls, undeliveredSince });
    return assemble(connected, {
      collections,
      calls,
      streams,
      marks: createCopyMark(connected.database, place.collection),
    });
  } catch (error) {
    await connected.client.close();
    throw error;
  }
}

async function refuseMissing({ database, where }: Connected) {
  if ((await databaseVersion(database)) !== undefined) return;
  throw new StoreError(
    `There is no database ${database.databaseName} at ${where}; name the one that holds the runs to copy`,
  );
}

interface Parts {
  collections: Collections;
  calls: Calls;
  streams: Streams;
  marks: ReturnType<typeof createCopyMark>;
}

function assemble({ client }: Connected, { collections, calls, streams, marks }: Parts): Archive {
  const puts = createPuts(collections);
  const reading = <T>(work: () => Promise<T>) => calls.read(work, preparationTimeoutMs);
  const writing = <T>(work: () => Promise<T>) => calls.write(work, preparationTimeoutMs);

  return {
    read: createRead(streams, reading),
    sizes: () => reading(() => sizesOf(collections)),
    counts: async () => countsOf(await countAll(collections, calls)),
    mark: () => reading(marks.read),
    begin: async (mark) => {
      await writing(() => createIndexes(collections));
      await writing(() => marks.set(mark));
    },
    put: async <Kind extends RecordKind>(kind: Kind, records: Records[Kind][], mark: CopyMark) => {
      await writing(() => puts[kind](records));
      if (kind === 'run') await reading(() => refuseChanged(collections, records as Records['run'][]));
      await writing(() => marks.set(mark));
    },
    finish: () => writing(marks.remove),
    close: () => client.close(),
  };
}

/** Keeps each kind's stream open, so that the next page goes on where the last one ended. */
function createRead(streams: Streams, reading: <T>(work: () => Promise<T>) => Promise<T>): Archive['read'] {
  const open = new Map<RecordKind, { at: string; stream: AsyncGenerator<Placed<RecordKind>> }>();

  async function streamBehind(kind: RecordKind, after: string | undefined) {
    const running = open.get(kind);
    open.delete(kind);
    if (running !== undefined && running.at === after) return running.stream;
    await running?.stream.return(undefined);
    const stream: AsyncGenerator<Placed<RecordKind>> = streams[kind]();
    if (after === undefined) return stream;
    for (;;) {
      const next = await stream.next();
      if (next.done === true || next.value.place === after) return stream;
    }
  }

  async function readPage<Kind extends RecordKind>(
    kind: Kind,
    after: string | undefined,
  ): Promise<RecordPage<Kind>> {
    const stream = await streamBehind(kind, after);
    const records: Records[Kind][] = [];
    let characters = 0;
    for (;;) {
      const next = await stream.next();
      if (next.done === true) return { records };
      const { place, record } = next.value;
      records.push(record as Records[Kind]);
      for (const field of Object.values(record)) if (typeof field === 'string') characters += field.length;
      if (records.length < maxPageRecords && characters < maxPageCharacters) continue;
      open.set(kind, { at: place, stream });
      return { records, next: place };
    }
  }

  return (kind, after) => reading(() => readPage(kind, after));
}

async function sizesOf({ runs, history, once, campaigns }: Collections): Promise<Record<RecordKind, number>> {
  const [run, moved, keys, registered] = await Promise.all(
    [runs, history, once, campaigns].map((collection) => collection.estimatedDocumentCount()),
  );
  const sizes = {
    run: run ?? 0,
    history: (run ?? 0) + (moved ?? 0),
    once: keys ?? 0,
    event: 0,
    campaign: registered ?? 0,
  };
  return sizes;
}
