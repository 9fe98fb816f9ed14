/** Time and ids: the only sources of both, so that tests can set them. */
import { monotonicFactory } from 'ulid';

export interface Identity {
  /** Milliseconds since 1970. */
  now(): number;
  /** A ULID for this time; later ones of the same process sort behind it. */
  newId(): string;
}

export function systemIdentity(): Identity {
  const next = monotonicFactory();
  return { now: Date.now, newId: () => next() };
}

/** UTC with milliseconds, fixed width. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
