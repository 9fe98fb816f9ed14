import type { FastifyInstance } from 'fastify';
import { routes } from '@madsci-ts/protocol';
import { endpoint, replyPage } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** POST /campaign */
export function registerCampaign(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.registerCampaign, ({ body, caller }) =>
    parts.domain().campaigns.register(body, caller),
  );
}

/** GET /campaign/{id} */
export function getCampaign(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.getCampaign, ({ id }) => parts.domain().campaigns.get(id));
}

/** GET /campaigns */
export function listCampaigns(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.listCampaigns, async (call) => {
    const { number = 100, cursor } = call.query;
    const after = cursor === undefined ? {} : { after: Number(cursor) };
    return replyPage(call, await parts.domain().campaigns.list({ limit: number, ...after }));
  });
}
