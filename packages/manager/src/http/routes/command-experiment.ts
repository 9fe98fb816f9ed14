import type { FastifyInstance } from 'fastify';
import { commandRoutes, commands, readOutcome, routes } from '@madsci-ts/protocol';
import { endpoint } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

/** POST /experiment/{id}/pause, continue, fail and cancel */
export function commandExperiment(app: FastifyInstance, parts: Parts) {
  for (const command of commands) {
    if (command === 'end') continue;
    endpoint(app, parts, routes[commandRoutes[command]], ({ id, body, caller }) =>
      parts.domain().experiments.command(id, command, body, caller),
    );
  }
}

/** POST /experiment/{id}/end, with ?status= for how it ended */
export function endExperiment(app: FastifyInstance, parts: Parts) {
  endpoint(app, parts, routes.endExperiment, ({ id, body, query, caller }) =>
    parts.domain().experiments.command(id, 'end', body, caller, readOutcome(query.status)),
  );
}
