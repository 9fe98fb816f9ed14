/** What a store holds, in a few numbers that two equal stores share whatever order they keep their records in. */
import { createHash } from 'node:crypto';
import type { Archive, RecordKind, Records } from '../store/archive.ts';

export interface Digest {
  records: number;
  /** The sum, modulo 2^256, of the records' SHA-256, as 64 hexadecimal digits. */
  sha256: string;
}

/** The fields that are compared, in this order. */
const fields: { [Kind in RecordKind]: (record: Records[Kind]) => unknown[] } = {
  run: ({ id, text, entries, undelivered }) => [
    id,
    text,
    entries,
    undelivered && [undelivered.fingerprint, undelivered.at],
  ],
  history: ({ run, sequence, text }) => [run, sequence, text],
  once: ({ key, fingerprint, at, outcome }) => [key, fingerprint, at, outcome],
  event: ({ event_id, event_type, at, run }) => [event_id, event_type, at, run],
  campaign: ({ id, version, text }) => [id, version, text],
};

/**
 * Reads all records of a kind.
 *
 * @param seen is called with each page
 */
export async function digestOf<Kind extends RecordKind>(
  archive: Pick<Archive, 'read'>,
  kind: Kind,
  seen: (records: Records[Kind][]) => void,
): Promise<Digest> {
  let sum = 0n;
  let records = 0;
  let after: string | undefined;
  do {
    const page = await archive.read(kind, after);
    for (const record of page.records) sum += hashOf(fields[kind](record));
    records += page.records.length;
    seen(page.records);
    after = page.next;
  } while (after !== undefined);
  return { records, sha256: BigInt.asUintN(256, sum).toString(16).padStart(64, '0') };
}

function hashOf(values: unknown[]): bigint {
  return BigInt(`0x${createHash('sha256').update(JSON.stringify(values)).digest('hex')}`);
}
