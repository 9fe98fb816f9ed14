import type { Load } from './load-process.ts';
import type { Progress } from './progress.ts';

/** What a question gets to find its answer with. */
export interface Bench {
  /** A folder of its own, removed at the end. */
  folder: string;
  load: Load;
  progress: Progress;
  /** Few rounds: shows that all works, proves nothing. */
  quick: boolean;
}
