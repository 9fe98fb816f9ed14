import { MongoBulkWriteError } from 'mongodb';
import { StoreError } from '../store.ts';

/**
 * Sorts out an insertMany of so many documents: true for one that was inserted, false for one whose `_id` is taken, an Error for one that
 * failed otherwise. Rejects where nothing is known.
 */
export async function insertAll(insert: () => Promise<unknown>, count: number): Promise<(boolean | Error)[]> {
  try {
    await insert();
    return Array.from({ length: count }, () => true);
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    return perDocument(error, count);
  }
}

const duplicateKey = 11000;

function perDocument(error: MongoBulkWriteError, count: number): (boolean | Error)[] {
  const unconfirmed = error.result.getWriteConcernError();
  const faults = new Map([error.writeErrors].flat().map((fault) => [fault.index, fault]));
  // The driver makes such an error of a lost connection too: what is neither inserted nor at fault may be either.
  const isComplete = error.insertedCount + faults.size === count;
  return Array.from({ length: count }, (_, index) => {
    const fault = faults.get(index);
    if (fault?.code === duplicateKey) return false;
    if (fault !== undefined)
      return new StoreError(`The database refuses the document: ${fault.errmsg ?? 'no reason given'}`);
    if (isComplete && unconfirmed === undefined) return true;
    return new StoreError('The database did not confirm the change; whether it was made is not known');
  });
}
