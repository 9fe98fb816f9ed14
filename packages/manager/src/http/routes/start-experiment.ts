import type { FastifyInstance } from 'fastify';
import { routes } from '@madsci-ts/protocol';
import { endpoint } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** POST /experiment. With a key it happens once by the key; without, a start whose reply was lost is found again. */
export function startExperiment(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.startExperiment, ({ body, caller, request, reply }) => {
    const { experiments } = parts.domain();
    if (caller.once !== undefined) return experiments.start(body, caller);
    return parts.delivery.start(request, reply, (fingerprint) =>
      experiments.start(body, caller, { fingerprint }),
    );
  });
}
