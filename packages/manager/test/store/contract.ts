/**
 * What every store must do, whatever database it drives: each promise of store.ts as a test. A driver passes it unchanged.
 */
import { describe } from 'node:test';
import { concurrencyContract } from './contract-concurrency.ts';
import { eventsContract } from './contract-events.ts';
import { lifecycleContract } from './contract-lifecycle.ts';
import { onceContract } from './contract-once.ts';
import { openingContract } from './contract-opening.ts';
import { readingContract } from './contract-reading.ts';
import type { MakePlace } from './place.ts';

export function storeContract(name: string, makePlace: MakePlace) {
  describe(`${name} keeps the promises of a store`, () => {
    lifecycleContract(makePlace);
    onceContract(makePlace);
    readingContract(makePlace);
    openingContract(makePlace);
    concurrencyContract(makePlace);
    eventsContract(makePlace);
  });
}
