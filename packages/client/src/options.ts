/** What callers may set, and what they get otherwise. */
import type { TransportOptions } from './transport.ts';

export interface ExperimentClientOptions {
  /** Where the manager is, e.g. `http://localhost:8002`; may hold a path where a gateway needs one. */
  url: string;
  /** Deadline of a call in ms, retries and waits between them included. Default 30 000. */
  timeoutMs?: number;
  /** How often a call is repeated after a lost connection or a 408, 429, 500, 502, 503 or 504. Default 4: some 4 s. */
  retries?: number;
  /** Sent with every request, e.g. what a gateway asks for. Errors never show them. */
  headers?: Record<string, string>;
  /** Instead of the platform's own. */
  fetch?: typeof fetch;
  /** True: numbers in free-form values that JavaScript would respell (`1.0`, integers beyond 2^53) come as `RawNumber`. Default: number and bigint. */
  keepNumberSpelling?: boolean;
}

/** What any call takes beside its own arguments. */
export interface CallOptions {
  /** Aborting rejects with the signal's reason. A write may have happened already. */
  signal?: AbortSignal;
  /** Deadline of this call in ms instead of the client's. */
  timeoutMs?: number;
}

/** What a call that changes something takes. */
export interface WriteOptions extends CallOptions {
  /**
   * Names the wish: repeated with the same key and body it is carried out once. Default: a new random key for each call, the same over
   * its retries. Take it from an error to repeat a call whose fate is unknown. The manager remembers keys for at least a day.
   */
  idempotencyKey?: string;
}

/** The longest time that timers can measure: 2^31 - 1 ms, some 24 days. */
const maxTimeoutMs = 2_147_483_647;

/** @throws TypeError, RangeError for a value that cannot work */
export function readOptions(options: ExperimentClientOptions): { url: string; transport: TransportOptions } {
  const { timeoutMs = 30_000, retries = 4, headers = {}, keepNumberSpelling = false } = options;
  if (!Number.isInteger(retries) || retries < 0) {
    throw new RangeError(`retries must be a whole number from 0, not ${retries}`);
  }
  const fetcher = options.fetch ?? globalThis.fetch.bind(globalThis);
  return {
    url: readUrl(options.url),
    transport: { timeoutMs: checkTimeout(timeoutMs), retries, headers, keepNumberSpelling, fetch: fetcher },
  };
}

/** @throws RangeError outside 1 to 2^31 - 1 ms */
export function checkTimeout<T extends number | undefined>(timeoutMs: T): T {
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= maxTimeoutMs)) {
    throw new RangeError(`timeoutMs must be from 1 to ${maxTimeoutMs}, not ${timeoutMs}`);
  }
  return timeoutMs;
}

function readUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(`url must begin with http:// or https://, as in http://localhost:8002`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('url must not hold a user name or password; pass them in headers.authorization');
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}
