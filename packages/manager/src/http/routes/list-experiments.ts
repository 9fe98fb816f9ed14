import type { FastifyInstance } from 'fastify';
import { decodeRunCursor, routes } from '@madsci-ts/protocol';
import { endpoint, replyPage } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** GET /experiments */
export function listExperiments(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.listExperiments, async (call) => {
    const { number = 10, cursor, status } = call.query;
    const page = await parts.domain().experiments.list({
      limit: number,
      ...(cursor === undefined ? {} : { after: decodeRunCursor(cursor) }),
      ...(status === undefined ? {} : { status }),
    });
    return replyPage(call, page);
  });
}
