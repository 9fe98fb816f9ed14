import type { Calls } from './calls.ts';
import type { Counters } from './counters.ts';
import type { EventQueue } from './event-queue.ts';
import type { Collections } from './names.ts';
import type { InTurn } from './turns.ts';

/** What all parts of the MongoDB store work with. */
export interface Shared {
  collections: Collections;
  calls: Calls;
  inTurn: InTurn;
  /** Whether the server changes a document atomically; else turns alone keep changes apart. */
  isAtomic: boolean;
  counters: Counters;
  queue: EventQueue;
}
