/** Every error the manager answers with: its stable code, HTTP status and what it means. docs/errors.md explains each. */
import Type, { type Static } from 'typebox';

export const errors = {
  bad_request: { status: 400, detail: 'There was an error parsing the body' },
  foreign_origin: {
    status: 403,
    detail: 'Requests from this web page are not allowed to change anything here',
  },
  not_found: { status: 404, detail: 'Not Found' },
  experiment_not_found: { status: 404, detail: 'Experiment not found' },
  campaign_not_found: { status: 404, detail: 'Campaign not found' },
  method_not_allowed: { status: 405, detail: 'Method Not Allowed' },
  request_timeout: { status: 408, detail: 'The request took too long to arrive' },
  transition_refused: { status: 409, detail: 'The run does not allow this command in its status' },
  version_conflict: { status: 409, detail: 'The run has another version than expected' },
  body_too_large: { status: 413, detail: 'The body is larger than max_body_bytes' },
  invalid_request: { status: 422, detail: 'The request does not fit its schema' },
  idempotency_key_reused: {
    status: 422,
    detail: 'This Idempotency-Key was used for another request; use a new key',
  },
  rate_limited: { status: 429, detail: 'Rate limit exceeded' },
  headers_too_large: { status: 431, detail: 'The headers are larger than max_header_bytes' },
  internal: { status: 500, detail: 'Internal Server Error' },
  store_unavailable: { status: 503, detail: 'The database cannot be used at the moment' },
  unavailable: { status: 503, detail: 'The manager is starting or stopping' },
} as const;

export type ErrorCode = keyof typeof errors;

/** Body of an error. `detail` is a sentence. */
export const ErrorBody = Type.Object(
  {
    detail: Type.String(),
    code: Type.Enum(Object.keys(errors) as ErrorCode[]),
    request_id: Type.Optional(Type.String({ description: 'Names the request in the log of the manager' })),
  },
  { title: 'Error' },
);
export type ErrorBody = Static<typeof ErrorBody>;

/** Body of a 422: one row a fault, in FastAPI's form; a sentence where an Idempotency-Key was used for another request. */
export const InvalidBody = Type.Object(
  {
    detail: Type.Union([
      Type.Array(
        Type.Object({
          type: Type.String(),
          loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
          msg: Type.String(),
          input: Type.Unknown(),
          ctx: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        }),
      ),
      Type.String(),
    ]),
    code: Type.Enum(['invalid_request', 'idempotency_key_reused']),
  },
  { title: 'Invalid' },
);
export type InvalidBody = Static<typeof InvalidBody>;
