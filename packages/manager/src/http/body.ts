/** Reads a request's body as FastAPI does: JSON where the content type says so or says nothing, otherwise a text. */
import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { parseTree, type ParseError } from 'jsonc-parser';
import { parseJson } from '@madsci-ts/protocol';
import { Refusal } from '../domain/refusals.ts';
import { InvalidRequest } from './problems.ts';

/** Nesting of a whole body; Python's own recursion limit, at which MADSci gives up too. */
const maxBodyDepth = 1000;

const jsonType = /^application\/(?:[^;\s]+\+)?json\s*(?:;|$)/i;

const bytesOf = (request: FastifyRequest): Buffer | undefined =>
  Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : undefined;

/** The bytes as they came; empty where there is no body. */
export function rawBody(request: FastifyRequest): Buffer {
  return bytesOf(request) ?? Buffer.alloc(0);
}

/** @throws InvalidRequest where it is not JSON, Refusal where it nests too deep */
export function readBody(request: FastifyRequest, optional: boolean): unknown {
  const bytes = bytesOf(request);
  if (bytes === undefined) {
    if (optional) return {};
    throw new InvalidRequest([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
  }
  const type = request.headers['content-type'];
  if (!isUtf8(bytes)) throw notJson(0, 'The body is not UTF-8');
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  return type === undefined || jsonType.test(type) ? readJson(text) : text;
}

function readJson(text: string): unknown {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (nestsDeeper(text, maxBodyDepth)) throw new Refusal('bad_request');
    throw notJson(faultPosition(text), error instanceof Error ? error.message : String(error));
  }
  if (nestsDeeper(text, maxBodyDepth)) throw new Refusal('bad_request');
  return value;
}

function notJson(position: number, error: string): InvalidRequest {
  return new InvalidRequest([
    { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {}, ctx: { error } },
  ]);
}

/** Where the text stops being JSON: JSON.parse does not always say. */
function faultPosition(text: string): number {
  const faults: ParseError[] = [];
  try {
    parseTree(text, faults, { disallowComments: true });
  } catch {
    return 0; // That parser recurses, and the text nests deeper than the stack.
  }
  return faults[0]?.offset ?? 0;
}

const quote = 34;
const backslash = 92;
const opening = new Set([91, 123]);
const closing = new Set([93, 125]);

function nestsDeeper(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === backslash) index++;
      else if (code === quote) inString = false;
    } else if (code === quote) inString = true;
    else if (opening.has(code) && ++depth > limit) return true;
    else if (closing.has(code)) depth--;
  }
  return false;
}
