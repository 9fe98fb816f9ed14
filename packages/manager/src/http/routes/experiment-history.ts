import type { FastifyInstance } from 'fastify';
import { routes } from '@madsci-ts/protocol';
import { endpoint, replyPage } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** GET /experiment/{id}/history */
export function experimentHistory(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.experimentHistory, async (call) => {
    const { number = 1000, cursor } = call.query;
    const after = cursor === undefined ? {} : { after: Number(cursor) };
    return replyPage(call, await parts.domain().experiments.history(call.id, { limit: number, ...after }));
  });
}
