/** Drives the process that makes the load. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { nodeOptions } from '../../test/support/manager.ts';
import type { LoadAnswer, Slice, SliceResult } from './load.ts';

export interface Load extends AsyncDisposable {
  /** Rejects at a reply that is not 2xx, with what the server said. */
  run(slice: Slice): Promise<SliceResult>;
}

export function startLoad(): Load {
  const child = fork(fileURLToPath(new URL('./load.ts', import.meta.url)), { execArgv: nodeOptions });
  const died = once(child, 'exit').then(() => ({ ok: false, reason: 'the load process ended' }) as const);
  return {
    async run(slice) {
      const answered = once(child, 'message').then(([message]) => message as LoadAnswer);
      child.send(slice);
      const answer = await Promise.race([answered, died]);
      if (answer.ok) return answer.result;
      throw new Error(`${slice.operation} at ${slice.url} failed: ${answer.reason}`);
    },
    [Symbol.asyncDispose]: async () => {
      child.disconnect();
      await died;
    },
  };
}
