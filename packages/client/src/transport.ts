/** One call over HTTP: deadline, retries, parsing, checking. */
import { parse } from '@madsci-ts/protocol';
import ky, { isHTTPError } from 'ky';
import type { Static, TSchema } from 'typebox';
import { NotUnderstoodError, type RequestFacts } from './errors.ts';
import { readRetryAfterMs, toClientError } from './failure.ts';
import { readJson, toNativeNumbers, writeJson } from './numbers.ts';

export interface TransportOptions {
  timeoutMs: number;
  retries: number;
  headers: Record<string, string>;
  fetch: typeof fetch;
  keepNumberSpelling: boolean;
}

export interface Outgoing<T extends TSchema> {
  method: 'GET' | 'POST' | 'PATCH';
  url: string;
  query: Record<string, string | number | undefined>;
  body: unknown;
  /** Sent with every try. */
  idempotencyKey: string | undefined;
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
  /** What the reply must be. */
  reply: T;
}

export interface Incoming<T> {
  value: T;
  headers: Headers;
}

/** Waits before retries: 0.3, 0.6, 1.2, 2.4 s and so on, each shortened by up to a half so that many clients do not come back at once. */
const backoff = {
  delay: (retry: number) => 300 * 2 ** (retry - 1),
  jitter: (delayMs: number) => delayMs * (0.5 + Math.random() / 2),
  backoffLimit: 10_000,
};
const retriedStatuses = [408, 429, 500, 502, 503, 504];

/**
 * Sends a request, again where that may help, and reads the reply by its schema.
 *
 * @throws the errors of errors.ts; the reason of `signal` where that is aborted
 */
export async function send<T extends TSchema>(
  outgoing: Outgoing<T>,
  options: TransportOptions,
): Promise<Incoming<Static<T>>> {
  const timeoutMs = outgoing.timeoutMs ?? options.timeoutMs;
  const { method, url, idempotencyKey } = outgoing;
  const request = { method, url, idempotencyKey };
  const tries: Error[] = [];
  let response: Response;
  let text: string;
  try {
    response = await exchange(outgoing, options, timeoutMs, tries);
    text = await response.text();
  } catch (error) {
    throw toClientError(error, request, timeoutMs, tries.at(-1));
  }
  const value = readReply(outgoing.reply, text, request);
  return {
    value: (options.keepNumberSpelling ? value : toNativeNumbers(value)) as Static<T>,
    headers: response.headers,
  };
}

/** `tries` takes what went wrong with each try that may be repeated. */
function exchange(outgoing: Outgoing<TSchema>, options: TransportOptions, timeoutMs: number, tries: Error[]) {
  const deadline = performance.now() + timeoutMs;
  const { idempotencyKey, signal, body } = outgoing;
  return ky(outgoing.url, {
    method: outgoing.method,
    searchParams: outgoing.query,
    headers: {
      accept: 'application/json',
      ...options.headers,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { json: body, stringifyJson: writeJson }),
    ...(signal === undefined ? {} : { signal }),
    fetch: buffered(options.fetch),
    parseJson: readJson,
    timeout: false,
    totalTimeout: timeoutMs,
    retry: {
      limit: options.retries,
      methods: ['get', 'post', 'patch'],
      statusCodes: retriedStatuses,
      afterStatusCodes: [429, 503],
      ...backoff,
      shouldRetry: ({ error }) => {
        tries.push(error);
        return refuseLateRetry(error, deadline);
      },
    },
  });
}

/** Where the manager asks to wait beyond the deadline, its refusal tells the caller more than a timeout would. */
function refuseLateRetry(error: Error, deadline: number): false | undefined {
  const waitMs = isHTTPError(error) ? readRetryAfterMs(error.response.headers) : undefined;
  return waitMs !== undefined && performance.now() + waitMs >= deadline ? false : undefined;
}

/**
 * A fetch that settles when the body is there as well, so that a connection lost in the middle of a reply is retried like any other.
 * X-RateLimit-Reset is taken away: ky would wait for it where no Retry-After is given, and managers send it with every reply.
 */
function buffered(
  fetcher: typeof fetch,
): (input: RequestInfo | URL, init?: RequestInit) => Promise<Response> {
  return async (input, init) => {
    const response = await fetcher(input, init);
    const body = await response.arrayBuffer();
    const headers = new Headers(response.headers);
    headers.delete('x-ratelimit-reset');
    const { status, statusText } = response;
    return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
  };
}

/** The reply as it came, checked. Fields that the schema does not know stay: a newer manager may send more. */
function readReply(schema: TSchema, text: string, request: RequestFacts): unknown {
  const notUnderstood = (what: string) => {
    const message = `${request.method} ${request.url} answered with ${what}. Is an experiment manager listening there?`;
    return new NotUnderstoodError(message, request);
  };
  let value: unknown;
  try {
    value = readJson(text);
  } catch {
    throw notUnderstood('something that is not JSON');
  }
  const parsed = parse(schema, value, ['reply']);
  if (parsed.ok) return withUnknownFields(value, parsed.value);
  const [issue] = parsed.issues;
  throw notUnderstood(`an unexpected value: ${issue?.loc.join('.')}: ${issue?.msg}`);
}

function withUnknownFields(given: unknown, parsed: unknown): unknown {
  if (Array.isArray(given) && Array.isArray(parsed)) {
    return parsed.map((item, index) => withUnknownFields(given[index], item));
  }
  return typeof given === 'object' && typeof parsed === 'object' ? { ...given, ...parsed } : parsed;
}
