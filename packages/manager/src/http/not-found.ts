/** Requests for which there is no endpoint: 404, or 405 with the methods that the path has. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors, type ErrorCode } from '@madsci-ts/protocol';

const pathOf = (url: string): string => url.replace(/^https?:\/\//i, '').split('?', 1)[0] ?? '';

/** `/experiment//end`: the router would take the empty text for an id. */
export function hasEmptySegment(url: string): boolean {
  return url.includes('//') && pathOf(url).includes('//');
}

/** To be called before the endpoints are added, whose methods it learns. HEAD is not named: it is there wherever GET is. */
export function addNotFound(app: FastifyInstance): (request: FastifyRequest, reply: FastifyReply) => void {
  const known: { method: string; pattern: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (typeof method !== 'string' || method === 'HEAD') return;
    known.push({
      method,
      pattern: new RegExp(`^${url.replaceAll('.', String.raw`\.`).replace(':id', '[^/]+')}/?$`),
    });
  });

  const reply404 = (request: FastifyRequest, reply: FastifyReply) => {
    const path = pathOf(request.url);
    const fitting = hasEmptySegment(path) ? [] : known.filter(({ pattern }) => pattern.test(path));
    const code: ErrorCode = fitting.length === 0 ? 'not_found' : 'method_not_allowed';
    if (fitting.length > 0) reply.header('allow', fitting.map(({ method }) => method).join(', '));
    const { status, detail } = errors[code];
    void reply.code(status).header('content-type', 'application/json').send(JSON.stringify({ detail, code }));
  };
  app.setNotFoundHandler(reply404);
  return reply404;
}
