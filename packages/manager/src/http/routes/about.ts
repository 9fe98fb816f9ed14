/** What the manager says of itself: GET /, /definition, /settings, /health, /metrics. */
import type { FastifyInstance } from 'fastify';
import { routes, type Health } from '@madsci-ts/protocol';
import type { Store } from '../../store/store.ts';
import { endpoint } from '../endpoint.ts';
import type { Parts } from '../parts.ts';

export function about(app: FastifyInstance, parts: Parts) {
  const definition = JSON.stringify(parts.definition);
  const settings = JSON.stringify({ settings: parts.settings });
  endpoint(app, parts, routes.root, () => Promise.resolve(definition));
  endpoint(app, parts, routes.definition, () => Promise.resolve(definition));
  endpoint(app, parts, routes.settings, () => Promise.resolve(settings));
  endpoint(app, parts, routes.health, async () =>
    JSON.stringify(await healthOf(parts.domain().store, parts.version)),
  );
  app.get(routes.metrics.path, async (_request, reply) =>
    reply.type(parts.metrics.contentType).send(await parts.metrics.text()),
  );
}

/** MADSci's fields, and that it answers 200 even when unhealthy, are what its clients read. */
async function healthOf(store: Store, version: string): Promise<Health> {
  try {
    await store.check();
    const { total, byStatus, eventsWaiting } = await store.counts();
    return {
      healthy: true,
      description: 'Experiment Manager is running normally',
      db_connected: true,
      total_experiments: total,
      version,
      experiments_by_status: byStatus,
      events_waiting: eventsWaiting,
    };
  } catch (error) {
    return {
      healthy: false,
      description: error instanceof Error ? error.message : 'The database cannot be used',
      db_connected: false,
      total_experiments: null,
      version,
      experiments_by_status: null,
      events_waiting: null,
    };
  }
}
