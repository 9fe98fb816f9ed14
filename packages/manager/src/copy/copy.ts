/** Carries all that one store holds into another one, and checks that it is there. It may be killed at any moment and run again. */
import {
  RunMissingError,
  recordKinds,
  type Archive,
  type CopyMark,
  type RecordKind,
} from '../store/archive.ts';
import { compare, type Checked } from './check.ts';

/** A start is marked as undelivered for a minute. A copy takes over marks of this age, so that stopping and starting managers has its time. */
export const undeliveredWindowMs = 10 * 60_000;

interface CopySide {
  archive: Archive;
  /** The database for people, without secrets. */
  name: string;
}

export interface CopyOptions {
  source: CopySide;
  target: CopySide;
  /** Called after each page; `of` is roughly how many steps there are in all. */
  onProgress: (progress: CopyProgress) => void;
}

export interface CopyProgress {
  phase: 'copy' | 'check';
  done: number;
  of: number;
}

export interface CopyResult extends Checked {
  /** new: everything was copied now; resumed: an unfinished copy was completed; equal: the target was an equal copy already. */
  was: 'new' | 'resumed' | 'equal';
}

/** A copy that cannot be, or did not come out right; the message is a sentence for the operator. */
class CopyError extends Error {
  override name = 'CopyError';
  /** Tells the command line that this is no fault of the program. */
  readonly expected = true;
}

/**
 * Copies, checks counts and checksums, and lets managers use the target.
 *
 * @throws CopyError (`expected`) where the target holds something else, or the two differ at the end; StoreError where a database fails
 */
export async function copyStore(options: CopyOptions): Promise<CopyResult> {
  const { source, target } = options;
  const unfinishedSource = await source.archive.mark();
  if (unfinishedSource !== undefined) {
    throw new CopyError(
      `${source.name} is itself an unfinished copy of ${unfinishedSource.from}; complete that copy first`,
    );
  }
  const found = await target.archive.mark();
  if (found === undefined && !(await isEmpty(target.archive))) return alreadyEqual(options);
  if (found !== undefined && found.from !== source.name) {
    throw new CopyError(
      `${target.name} holds an unfinished copy of ${found.from}; complete that copy, or name another target`,
    );
  }
  if (found === undefined) await target.archive.begin({ from: source.name, kind: 'run' });
  const { checked, differences } = await carryAndCheck(options, found).catch((error: unknown) => {
    throw error instanceof RunMissingError ? differing(options, ['history']) : error;
  });
  if (differences.length > 0) throw differing(options, differences);
  await target.archive.finish();
  return { ...checked, was: found === undefined ? 'new' : 'resumed' };
}

/** Nothing is removed here: what was written to the target meanwhile may be somebody's runs. */
function differing({ source, target }: CopyOptions, kinds: string[]): CopyError {
  return new CopyError(
    `${source.name} and ${target.name} differ (${kinds.join(', ')}): one of them was changed since the copy began; ` +
      'stop every manager that uses them, remove the target and copy again',
  );
}

async function carryAndCheck(options: CopyOptions, mark: CopyMark | undefined) {
  const { source, target } = options;
  const steps = await stepCounter(options);
  const start = mark ?? { kind: 'run' as const };
  const pending = start.kind === undefined ? [] : recordKinds.slice(recordKinds.indexOf(start.kind));
  for (const kind of pending) {
    await carry(options, kind, kind === start.kind ? mark?.after : undefined, steps.copied);
  }
  return compare(source.archive, target.archive, steps.checked);
}

async function carry(
  { source, target }: CopyOptions,
  kind: RecordKind,
  from: string | undefined,
  copied: (records: number) => void,
) {
  const following = recordKinds[recordKinds.indexOf(kind) + 1];
  let after = from;
  do {
    const page = await source.archive.read(kind, after);
    after = page.next;
    const place = after === undefined ? { kind: following } : { kind, after };
    await target.archive.put(kind, page.records, { from: source.name, ...place });
    copied(page.records.length);
  } while (after !== undefined);
}

/** A target that holds records is taken for what an earlier, completed run of this copy left, if it is equal in everything. */
async function alreadyEqual(options: CopyOptions): Promise<CopyResult> {
  const { source, target } = options;
  const refusal = new CopyError(
    `${target.name} holds other records already; copy into a new file or an empty database`,
  );
  const [here, there] = await Promise.all([source.archive.counts(), target.archive.counts()]);
  if (here.total !== there.total) throw refusal;
  const steps = await stepCounter(options);
  const { checked, differences } = await compare(source.archive, target.archive, steps.checked);
  if (differences.length > 0) throw refusal;
  return { ...checked, was: 'equal' };
}

async function isEmpty(archive: Archive): Promise<boolean> {
  for (const kind of recordKinds) if ((await archive.read(kind, undefined)).records.length > 0) return false;
  return true;
}

/** Copying a record is one step, checking it two: in the source and in the target. */
async function stepCounter({ source, onProgress }: CopyOptions) {
  const sizes = await source.archive.sizes();
  const of = recordKinds.reduce((sum, kind) => sum + sizes[kind], 0) * 3;
  let done = 0;
  const step = (phase: CopyProgress['phase']) => (records: number) => {
    done += records;
    onProgress({ phase, done, of: Math.max(of, done) });
  };
  return { copied: step('copy'), checked: step('check') };
}
