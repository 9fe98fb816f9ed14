import type { FastifyInstance } from 'fastify';
import { routes } from '@madsci-ts/protocol';
import { endpoint } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** PATCH /experiment/{id} */
export function editExperiment(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.editExperiment, ({ id, body, caller }) =>
    parts.domain().experiments.edit(id, body, caller),
  );
}
