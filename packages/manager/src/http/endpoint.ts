/** From a route of the protocol and a handler to an endpoint: reads the request by the route's schemas, replies stored text as it is. */
import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TObject, TSchema } from 'typebox';
import { parse, parseQuery, type Route } from '@madsci-ts/protocol';
import type { Caller, TextPage } from '../domain/experiments.ts';
import type { Once } from '../store/store.ts';
import { rawBody, readBody } from './body.ts';
import { naive } from './naive-times.ts';
import type { Parts } from './parts.ts';
import { InvalidRequest } from './problems.ts';

type BodyOf<R extends Route> = R extends { body: infer B extends TSchema } ? Static<B> : undefined;
type QueryOf<R extends Route> = R extends { query: infer Q extends TObject } ? Static<Q> : undefined;

/** A request as a handler sees it. */
export interface Call<R extends Route> {
  id: string;
  body: BodyOf<R>;
  query: QueryOf<R>;
  caller: Caller;
  request: FastifyRequest;
  reply: FastifyReply;
}

/** Replies JSON text, as it is stored. */
export type Handler<R extends Route> = (call: Call<R>) => Promise<string>;

/** Characters that an Idempotency-Key may have, and how many: those of an HTTP token and what clients make of UUIDs and paths. */
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** Adds the endpoint of a route to the server. */
export function endpoint<R extends Route>(app: FastifyInstance, parts: Parts, route: R, handler: Handler<R>) {
  app.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const call = { ...read(route, request), id: idOf(request), request, reply } as Call<R>;
      const text = await handler(call);
      reply.header('content-type', 'application/json');
      return reply.send(parts.naiveTimes ? naive(text) : text);
    },
  });
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id?: string }).id ?? '';
}

function read(route: Route, request: FastifyRequest): { body: unknown; query: unknown; caller: Caller } {
  const body =
    route.body === undefined
      ? undefined
      : accepted(parse(route.body, readBody(request, route.bodyOptional === true), ['body']));
  const query =
    route.query === undefined
      ? undefined
      : accepted(parseQuery(route.query, request.query as Record<string, unknown>));
  return { body, query, caller: callerOf(route, request) };
}

function accepted<T>(parsed: { ok: true; value: T } | { ok: false; issues: InvalidRequest['issues'] }): T {
  if (!parsed.ok) throw new InvalidRequest(parsed.issues);
  return parsed.value;
}

function callerOf(route: Route, request: FastifyRequest): Caller {
  const caller = { actor: actorOf(request), requestId: request.id };
  const once = route.idempotent === true ? onceOf(request) : undefined;
  return once === undefined ? caller : { ...caller, once };
}

/** Who asks. Without credentials nobody is known by name: the address is what there is. */
export function actorOf(request: FastifyRequest): string {
  return `anonymous@${request.ip}`;
}

function onceOf(request: FastifyRequest): Once | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    const msg = 'Input should be 1 to 255 printable ASCII characters without spaces';
    const loc = ['header', 'idempotency-key'];
    throw new InvalidRequest([{ type: 'string_pattern_mismatch', loc, msg, input: key }]);
  }
  const head = Buffer.from(`${request.method} ${request.url}\n`);
  return { key, fingerprint: hash('sha256', Buffer.concat([head, rawBody(request)])) };
}

/** A page as a JSON array, with a Link header to the next one. */
export function replyPage(call: Call<Route>, { texts, next }: TextPage): string {
  if (next !== undefined) {
    const { request, reply } = call;
    const [path, query] = request.url.split('?', 2);
    const parameters = new URLSearchParams(query);
    parameters.set('cursor', next);
    reply.header('link', `<${path}?${parameters.toString()}>; rel="next"`);
  }
  return `[${texts.join(',')}]`;
}
