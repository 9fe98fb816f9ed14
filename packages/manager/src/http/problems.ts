/** The one place where an error becomes a reply. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errors, type ErrorCode, type Issue } from '@madsci-ts/protocol';
import { ConflictRefusal, Refusal } from '../domain/refusals.ts';
import { StoreError } from '../store/store.ts';

/** Seconds after which a client may try again while the manager or its database is away. */
const retryAfterS = 1;

/** A request that does not fit its schema. */
export class InvalidRequest extends Error {
  override name = 'InvalidRequest';
  readonly issues: Issue[];

  constructor(issues: Issue[]) {
    super('The request does not fit its schema');
    this.issues = issues;
  }
}

/** Fastify's own errors, as ours: https://fastify.dev/docs/latest/Reference/Errors */
const frameworkCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
};

interface Problem {
  status: number;
  body: Record<string, unknown>;
}

const plain = (code: ErrorCode, detail: string = errors[code].detail): Problem => ({
  status: errors[code].status,
  body: { detail, code },
});

/** What a client is told of an error; undefined for one that nobody foresaw. */
function foreseen(error: unknown): Problem | undefined {
  if (error instanceof InvalidRequest) {
    return { status: 422, body: { detail: error.issues, code: 'invalid_request' } };
  }
  if (error instanceof ConflictRefusal) {
    const { status, version, allowed } = error;
    return { status: 409, body: { ...plain(error.code, error.message).body, status, version, allowed } };
  }
  if (error instanceof Refusal) return plain(error.code, error.message);
  if (error instanceof StoreError) return plain('store_unavailable', error.message);
  const code = frameworkCodes[(error as Partial<FastifyError>).code ?? ''];
  return code === undefined ? undefined : plain(code);
}

/** Whether the client closed, or was cut off, before its request was whole: nobody reads the reply. */
function hasLeft({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete;
}

/** Replies to a failed request. What nobody foresaw is logged whole and told to the client by its request id alone. */
export function replyWithProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = hasLeft(request) ? plain('bad_request') : foreseen(error);
  if (problem === undefined || error instanceof StoreError) {
    request.log.error({ request_id: request.id, err: error }, 'request failed');
  }
  const { status, body } = problem ?? plain('internal');
  if (status === 503) reply.header('retry-after', String(retryAfterS));
  const told = problem === undefined ? { ...body, request_id: request.id } : body;
  return reply.code(status).header('content-type', 'application/json').send(JSON.stringify(told));
}
