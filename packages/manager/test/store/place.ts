/** Where a contract test opens its stores. */
import type { Store } from '../../src/store/store.ts';

/** Somewhere to keep runs, empty at first. */
interface Place extends AsyncDisposable {
  /** Opens what the place holds. One store at a time is open on a place. */
  open(): Promise<Store>;
}

export type MakePlace = () => Promise<Place>;

/** Gives `work` a new store, and closes it whatever happens. */
export async function withStore(makePlace: MakePlace, work: (store: Store) => Promise<void>): Promise<void> {
  await using place = await makePlace();
  const store = await place.open();
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** Gives `work` a new store, then `again` a store opened anew on the same place. */
export async function withReopened(
  makePlace: MakePlace,
  work: (store: Store) => Promise<void>,
  again: (store: Store) => Promise<void>,
): Promise<void> {
  await using place = await makePlace();
  for (const part of [work, again]) {
    const store = await place.open();
    try {
      await part(store);
    } finally {
      await store.close();
    }
  }
}
