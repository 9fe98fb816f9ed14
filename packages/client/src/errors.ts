/**
 * What can go wrong with a call, one class for each thing a caller would do next. Tell them apart by `name` or `code`, not by
 * `instanceof`: two copies of a package do get loaded. None holds a header, a body or a credential of the request.
 */
import type { Conflict, ErrorCode, Experiment, Status } from '@madsci-ts/protocol';

/** The request an error is about. `idempotencyKey` is set for writes: the same call with it can be repeated safely. */
export interface RequestFacts {
  readonly method: string;
  readonly url: string;
  readonly idempotencyKey: string | undefined;
}

class RequestError extends Error {
  readonly method: string;
  readonly url: string;
  /** Pass it to the repeated call: what was already done is then not done twice. Undefined for reads. */
  readonly idempotencyKey: string | undefined;

  constructor(message: string, request: RequestFacts, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.method = request.method;
    this.url = request.url;
    this.idempotencyKey = request.idempotencyKey;
  }
}

export interface Refusal {
  status: number;
  code: ErrorCode | `http_${number}`;
  body: unknown;
  conflict: Conflict | undefined;
  retryAfterMs: number | undefined;
  advice: string;
}

/**
 * The manager understood the request and refused it; nothing was changed. `message` is the manager's own sentence.
 *
 * Thrown at once for what repeating cannot help, and after the last retry for what it might have (429, 500, 503).
 */
export class RefusedError extends RequestError {
  override readonly name = 'RefusedError';
  /** The manager's code, see the protocol's `errors`; `http_<status>` where it gave none. */
  readonly code: Refusal['code'];
  /** HTTP status. */
  readonly status: number;
  /** The reply's body as parsed. */
  readonly body: unknown;
  /** With a 409: the run's `status` and `version`, and the commands it `allowed`. */
  readonly conflict: Conflict | undefined;
  /** How long the manager asks to wait before the next try, in ms. */
  readonly retryAfterMs: number | undefined;
  /** What to do next: one sentence. */
  readonly advice: string;

  constructor(message: string, request: RequestFacts, refusal: Refusal) {
    super(message, request);
    this.code = refusal.code;
    this.status = refusal.status;
    this.body = refusal.body;
    this.conflict = refusal.conflict;
    this.retryAfterMs = refusal.retryAfterMs;
    this.advice = refusal.advice;
  }
}

/**
 * No answer came: the manager could not be reached, or the connection was lost on every try. A write may or may not have happened:
 * repeat it with the same `idempotencyKey`, or read the run.
 */
export class NoAnswerError extends RequestError {
  override readonly name = 'NoAnswerError';
  readonly code = 'no_answer';
}

/**
 * The deadline passed (`timeoutMs`, retries included). It does not mean that the manager failed or that nothing happened: a write may
 * still be carried out. Repeat it with the same `idempotencyKey`, or read the run.
 */
export class TooLateError extends RequestError {
  override readonly name = 'TooLateError';
  readonly code = 'too_late';
}

/** The reply is not what the protocol says: most often something else than an experiment manager listens at the URL. */
export class NotUnderstoodError extends RequestError {
  override readonly name = 'NotUnderstoodError';
  readonly code = 'not_understood';
}

/** A run ended in another status than the awaited ones; a final status never changes, so waiting on would never end. */
export class StatusNeverReachedError extends Error {
  override readonly name = 'StatusNeverReachedError';
  readonly code = 'status_never_reached';
  readonly experiment: Experiment;

  constructor(experiment: Experiment, awaited: readonly Status[]) {
    super(
      `Run ${experiment._id} is ${experiment.status} for good and will not become ${awaited.join(' or ')}`,
    );
    this.experiment = experiment;
  }
}

export type ExperimentClientError =
  RefusedError | NoAnswerError | TooLateError | NotUnderstoodError | StatusNeverReachedError;

const names: readonly string[] = [
  'RefusedError',
  'NoAnswerError',
  'TooLateError',
  'NotUnderstoodError',
  'StatusNeverReachedError',
] satisfies ExperimentClientError['name'][];

/** Whether an error is one of this package, by its name, whichever copy of the package threw it. */
export function isExperimentClientError(error: unknown): error is ExperimentClientError {
  return error instanceof Error && names.includes(error.name) && 'code' in error;
}
