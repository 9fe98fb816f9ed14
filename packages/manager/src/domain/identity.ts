/** Time and ids: the only sources of both, so that tests can set them. */
import { getRandomValues } from 'node:crypto';
import { monotonicFactory } from 'ulid';

export interface Identity {
  /** Milliseconds since 1970. */
  now(): number;
  /** A ULID for this time; later ones of the same process sort behind it. */
  newId(): string;
}

export function systemIdentity(): Identity {
  const next = monotonicFactory(createRandom());
  return { now: Date.now, newId: () => next() };
}

/** UTC with milliseconds, fixed width. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Random numbers from 0 up to 1, drawn from the system a thousand at a time: an id takes sixteen, and each draw is a system call. */
function createRandom(): () => number {
  const pool = new Uint32Array(1024);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      getRandomValues(pool);
      used = 0;
    }
    return (pool[used++] ?? 0) / 2 ** 32;
  };
}
