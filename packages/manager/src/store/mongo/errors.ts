/** What the driver's errors mean to an operator. No message holds a user or a password. */
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb';
import { StoreError } from '../store.ts';

/** Of MongoDB's error codes (https://www.mongodb.com/docs/manual/reference/error-codes/). */
const duplicateKey = 11000;
const accessCodes = new Set<unknown>([13, 18, 8000]);
const tooLargeCodes = new Set<unknown>([10334, 17280, 17419, 17420]);

export const isDuplicate = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === duplicateKey;

/** Whether trying again cannot help: the server is there and refuses. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof MongoServerError && accessCodes.has(error.code);

/** The error as the store's callers know it; one that is not the database's comes back as it is. `where` names the database. */
export function asStoreError(error: unknown, where: string): unknown {
  if (error instanceof StoreError || !(error instanceof MongoError)) return error;
  return new StoreError(meaning(error, where), { cause: redacted(error) });
}

function meaning(error: MongoError, where: string): string {
  if (error instanceof MongoServerSelectionError) {
    return `The database at ${where} cannot be reached; check that it runs, and EXPERIMENT_DB_URL`;
  }
  if (error instanceof MongoNetworkError) {
    return `The connection to the database at ${where} was lost; whether the change was made is not known`;
  }
  if (error instanceof MongoWriteConcernError) {
    return `The database at ${where} could not confirm the change on a majority of its members; whether it stays is not known`;
  }
  if (isRefusal(error)) {
    return `The database at ${where} refuses this user or password; check EXPERIMENT_DB_URL and the user's roles`;
  }
  if (error instanceof MongoServerError && tooLargeCodes.has(error.code)) {
    return `The run is larger than the 16 MiB that a document in the database at ${where} may have`;
  }
  if (error instanceof MongoBulkWriteError) {
    return `The database at ${where} did not confirm the change; whether it was made is not known`;
  }
  return `The database at ${where} reports: ${withoutSecrets(error.message)}`;
}

/** Of a URL in a message only scheme and host remain. */
const withoutSecrets = (text: string) => text.replaceAll(/\/\/[^@/\s]*@/g, '//***@');

/** For the log: the driver's error objects hold addresses and sometimes the whole command. */
function redacted({ name, message, code }: MongoError): Error {
  const cause = new Error(withoutSecrets(message));
  cause.name = code === undefined ? name : `${name} ${code}`;
  delete cause.stack;
  return cause;
}
