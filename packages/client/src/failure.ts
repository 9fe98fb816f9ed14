/** Turns what the HTTP library throws into the errors of this package. */
import { errors, parse, Conflict, type ErrorCode } from '@madsci-ts/protocol';
import { isHTTPError, isNetworkError, isTimeoutError, type HTTPError } from 'ky';
import {
  NoAnswerError,
  NotUnderstoodError,
  RefusedError,
  TooLateError,
  type RequestFacts,
} from './errors.ts';

/** Statuses that a gateway in front of the manager answers with when it gets no answer itself. */
const gatewayStatuses = [502, 503, 504];

/**
 * The error to throw for `error`; an abort by the caller and a mistake in the call pass unchanged. `lastTry` is what went wrong before a
 * deadline passed, undefined where the manager just did not answer in time.
 */
export function toClientError(
  error: unknown,
  request: RequestFacts,
  timeoutMs: number,
  lastTry: Error | undefined,
): unknown {
  if (isTimeoutError(error)) {
    const why = lastTry === undefined || isTimeoutError(lastTry) ? '' : ` (last try: ${describe(lastTry)})`;
    const message = `${request.method} ${request.url} took longer than ${timeoutMs} ms${why}. ${whatNow(request)}`;
    return new TooLateError(message, request);
  }
  if (isNetworkError(error)) return noAnswer(reasonOf(error.cause), request, error.cause);
  if (isHTTPError(error)) return toRefusal(error, request);
  return error;
}

function describe(error: Error): string {
  if (isNetworkError(error)) return reasonOf(error.cause);
  return isHTTPError(error) ? (readDetail(error.data) ?? `status ${error.response.status}`) : error.message;
}

function noAnswer(reason: string, request: RequestFacts, cause?: unknown): NoAnswerError {
  const message = `${request.method} ${request.url} got no answer (${reason}). ${whatNow(request)}`;
  return new NoAnswerError(message, request, cause);
}

function whatNow({ idempotencyKey }: RequestFacts): string {
  return idempotencyKey === undefined
    ? 'Is the manager running, and is this its URL?'
    : `It may or may not have been carried out: repeat it with the Idempotency-Key ${idempotencyKey}, or look at the run`;
}

/** The innermost cause says most: "fetch failed" hides "connect ECONNREFUSED 127.0.0.1:8002". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'network error';
  if (error.cause instanceof Error) return reasonOf(error.cause);
  // Node tries IPv6 and IPv4 and reports both in an AggregateError without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors.at(-1));
  return error.message;
}

function toRefusal(error: HTTPError, request: RequestFacts): Error {
  const { status, headers } = error.response;
  const body: unknown = error.data;
  const detail = readDetail(body);
  if (detail === undefined) {
    if (gatewayStatuses.includes(status)) return noAnswer(`a gateway answered ${status}`, request);
    const message = `${request.method} ${request.url} answered ${status} with a body that no experiment manager sends. Is this its URL?`;
    return new NotUnderstoodError(message, request);
  }
  const conflict = status === 409 ? readConflict(body) : undefined;
  const retryAfterMs = readRetryAfterMs(headers);
  const code = readCode(body) ?? (`http_${status}` as const);
  const advice = adviceFor(status, conflict, retryAfterMs);
  return new RefusedError(detail, request, { status, code, body, conflict, retryAfterMs, advice });
}

/** The sentence of an error body; the rows of a 422 as one sentence. Undefined where it is none of the protocol's. */
function readDetail(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('detail' in body)) return undefined;
  const { detail } = body;
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return undefined;
  return detail.map(readRow).join('; ');
}

function readRow(row: unknown): string {
  if (typeof row !== 'object' || row === null || !('msg' in row)) return String(row);
  const where = 'loc' in row && Array.isArray(row.loc) ? `${row.loc.join('.')}: ` : '';
  return `${where}${String(row.msg)}`;
}

function readCode(body: unknown): ErrorCode | undefined {
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
  return typeof code === 'string' && Object.hasOwn(errors, code) ? (code as ErrorCode) : undefined;
}

function readConflict(body: unknown): Conflict | undefined {
  const parsed = parse(Conflict, body, []);
  return parsed.ok ? parsed.value : undefined;
}

/** `Retry-After` in ms; undefined where there is none or it is a date. */
export function readRetryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  return text !== null && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
}

function adviceFor(status: number, conflict: Conflict | undefined, retryAfterMs: number | undefined): string {
  if (conflict?.code === 'version_conflict') {
    return `Somebody else changed the run: look at it again and repeat with its version ${conflict.version}`;
  }
  if (conflict !== undefined) {
    const { allowed } = conflict;
    return `The run is ${conflict.status}; it allows ${allowed.length === 0 ? 'no command any more' : allowed.join(', ')}`;
  }
  if (status === 404) return 'Check the id and the URL';
  if (status === 422 || status === 400 || status === 413)
    return 'Correct the request; repeating it unchanged will fail again';
  if (status === 401 || status === 403) return 'Check the credentials and from where the request is sent';
  const wait = retryAfterMs === undefined ? 'later' : `in ${retryAfterMs / 1000} s`;
  if (status === 429 || status === 408 || status === 503) return `Try again ${wait}`;
  return "Look into the manager's log for the cause";
}
