import type { FastifyInstance } from 'fastify';
import { routes } from '@madsci-ts/protocol';
import { endpoint } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** GET /experiment/{id} */
export function getExperiment(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.getExperiment, ({ id }) => parts.domain().experiments.get(id));
}
