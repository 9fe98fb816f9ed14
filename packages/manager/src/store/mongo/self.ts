/** This process's own document among the managers. Nobody else writes it, and its writes follow one another. */
import type { Calls } from './calls.ts';
import type { Collections, ManagerDocument } from './names.ts';

export interface Self {
  readonly id: string;
  /** Changes the document; it is in the database when the promise resolves. Changes that wait are written together. */
  save(changes: Partial<Omit<ManagerDocument, '_id'>>): Promise<void>;
}

/** @param id names this process, new with every opening */
export async function createSelf(managers: Collections['managers'], calls: Calls, id: string): Promise<Self> {
  const own: ManagerDocument = {
    _id: id,
    alive_at: Date.now(),
    beat: 0,
    shares: true,
    closed: false,
    answered: 0,
    open: [],
  };
  await calls.write(() => managers.insertOne({ ...own }));
  let last: Promise<unknown> = Promise.resolve();

  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };

  return {
    id,
    save: async (changes) => {
      Object.assign(own, changes, { alive_at: Date.now() });
      await inOrder(() => calls.write(() => managers.replaceOne({ _id: id }, { ...own }, { upsert: true })));
    },
  };
}
