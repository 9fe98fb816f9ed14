/** Every call to the database goes through here: bounded in time, its errors in words, and known when its outcome is not. */
import { MongoBulkWriteError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { StoreError } from '../store.ts';
import { asStoreError, isDuplicate } from './errors.ts';
import { callTimeoutMs } from './limits.ts';

type Call = <T>(work: () => Promise<T>, timeoutMs?: number) => Promise<T>;

export interface Calls {
  read: Call;
  /** Rejects with the driver's error for a duplicate `_id`, with a StoreError otherwise. */
  write: Call;
  /** Further calls are refused. */
  close(): void;
}

export interface CallOptions {
  /** Writes under way at the same time; Infinity where the server sorts them out itself. */
  maxWrites: number;
  /** Names the database in messages. */
  where: string;
  /** A write was given up: it may or may not have happened. */
  onUnknown(): void;
}

export function createCalls({ where, maxWrites, onUnknown }: CallOptions): Calls {
  const inSlot = createSlots(maxWrites);
  let closed = false;

  async function call<T>(work: (isLate: () => boolean) => Promise<T>, timeoutMs: number): Promise<T> {
    if (closed) throw new StoreError(`The database at ${where} is closed`);
    try {
      return await within(work, timeoutMs, where);
    } catch (error) {
      throw isDuplicate(error) || namesFaults(error) ? error : asStoreError(error, where);
    }
  }

  return {
    read: (work, timeoutMs = callTimeoutMs) => call(work, timeoutMs),
    write: async (work, timeoutMs = callTimeoutMs) => {
      try {
        return await call((isLate) => inSlot(work, isLate), timeoutMs);
      } catch (error) {
        if (isUnknown(error)) onUnknown();
        throw error;
      }
    },
    close: () => (closed = true),
  };
}

/** Says of each document what became of it. The driver makes a bulk error of a lost connection too, which names none. */
const namesFaults = (error: unknown): boolean =>
  error instanceof MongoBulkWriteError && [error.writeErrors].flat().length > 0;

/** Whether the write may have happened although it failed. */
function isUnknown(error: unknown): boolean {
  if (error instanceof MongoServerError) return error instanceof MongoBulkWriteError && !isDuplicate(error);
  return !(error instanceof StoreError && error.cause instanceof Error && error.cause.name === notReached);
}

const notReached = MongoServerSelectionError.name;

/** The driver's own timeouts come first; this one holds where several of them would add up. */
async function within<T>(
  work: (isLate: () => boolean) => Promise<T>,
  timeoutMs: number,
  where: string,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let isLate = false;
  const promise = work(() => isLate);
  const timer = setTimeout(() => {
    isLate = true;
    const text = `The database at ${where} did not answer within ${timeoutMs / 1000} s; whether the change was made is not known`;
    reject(new StoreError(text));
  }, timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined); // Nobody waits for it any more.
  }
}

/** Lets so many works run at once, the others in their order. One that is late by then is not begun. */
function createSlots(slots: number) {
  const waiting: (() => void)[] = [];
  let free = slots;
  return async <T>(work: () => Promise<T>, isLate: () => boolean): Promise<T> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      if (isLate()) throw new StoreError('Too late to be sent');
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
