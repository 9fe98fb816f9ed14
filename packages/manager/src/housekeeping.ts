/** Work that comes round: forgets the outcomes of old Idempotency-Keys. */
import type { Logger } from 'pino';
import type { Store } from './store/store.ts';

const intervalMs = 10 * 60_000;
const hourMs = 3_600_000;

export interface Housekeeping {
  /** Waits for work under way. */
  stop(): Promise<void>;
}

export function startHousekeeping(store: Store, retentionHours: number, logger: Logger): Housekeeping {
  let running: Promise<void> | undefined;
  const work = async () => {
    try {
      await store.dropOnce(Date.now() - retentionHours * hourMs);
    } catch (error) {
      logger.warn({ err: error }, 'old idempotency keys could not be dropped; tried again later');
    }
    running = undefined;
  };
  const timer = setInterval(() => void (running ??= work()), intervalMs).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
