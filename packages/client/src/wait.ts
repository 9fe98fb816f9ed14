import { isFinal, type Experiment, type Status } from '@madsci-ts/protocol';
import { StatusNeverReachedError, TooLateError } from './errors.ts';

export interface WaitOptions {
  /** Longest wait in ms, the last look not counted. Default: none, as runs last from seconds to weeks. */
  timeoutMs?: number;
  /** Pause between two looks in ms. Default 1000. */
  intervalMs?: number;
  signal?: AbortSignal;
}

/** Time for the last look, when none is left, in ms. */
const lastLookMs = 1000;

/** Looks at a run until its status is one of `awaited`. `look` reads it, within the given time in ms. */
export async function pollStatus(
  look: (timeoutMs: number) => Promise<Experiment>,
  url: string,
  awaited: readonly Status[],
  { timeoutMs = Infinity, intervalMs = 1000, signal }: WaitOptions,
): Promise<Experiment> {
  const deadline = performance.now() + timeoutMs;
  for (let leftMs = timeoutMs; ; leftMs = deadline - performance.now()) {
    const experiment = await look(Math.max(leftMs, lastLookMs));
    if (awaited.includes(experiment.status)) return experiment;
    if (isFinal(experiment.status)) throw new StatusNeverReachedError(experiment, awaited);
    // Timers fire up to a millisecond early.
    if (leftMs <= 1) throw stillWaiting(experiment, awaited, timeoutMs, url);
    await sleep(Math.min(intervalMs, leftMs), signal);
  }
}

function stillWaiting(experiment: Experiment, awaited: readonly Status[], timeoutMs: number, url: string) {
  const { _id, status } = experiment;
  const message = `Run ${_id} is still ${status} after ${timeoutMs} ms, not ${awaited.join(' or ')}; it goes on, wait again if you like`;
  return new TooLateError(message, { method: 'GET', url, idempotencyKey: undefined });
}

/** @throws the signal's reason when it is aborted */
function sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, delayMs);
  const abort = () => reject(signal?.reason as Error);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  });
}
