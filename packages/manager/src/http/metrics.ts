/** Figures for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Store } from '../store/store.ts';

/** Seconds; a start takes one fsync, a read none. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** Counts an answered request; `route` is the path with `:id`, not filled in. */
  observe(route: string, method: string, status: number, seconds: number): void;
}

interface Answered {
  method: string;
  route: string;
  status: number;
  count: number;
  observe(seconds: number): void;
}

export function createMetrics(store: () => Store): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  /** What was answered, by method, route and status; label look-ups cost more than the counting. */
  const answered = new Map<string, Answered>();
  const requests = new Counter({
    name: 'madsci_http_requests_total',
    help: 'Requests answered',
    labelNames: ['method', 'route', 'status'],
    registers: [],
    collect() {
      this.reset();
      for (const { method, route, status, count } of answered.values()) {
        this.inc({ method, route, status }, count);
      }
    },
  });
  registry.registerMetric(requests);
  const durations = new Histogram({
    name: 'madsci_http_request_duration_seconds',
    help: 'Time from request to reply',
    labelNames: ['method', 'route'],
    buckets,
    registers,
  });
  const runs = new Gauge({
    name: 'madsci_experiments',
    help: 'Stored runs',
    labelNames: ['status'],
    registers,
  });

  const waiting = new Gauge({
    name: 'madsci_events_waiting',
    help: 'Events that the Event Manager has not taken yet',
    registers,
  });

  const answeredBy = (method: string, route: string, status: number): Answered => {
    const duration = durations.labels({ method, route });
    return { method, route, status, count: 0, observe: (seconds) => duration.observe(seconds) };
  };

  return {
    contentType: registry.contentType,
    async text() {
      const { byStatus, eventsWaiting } = await store().counts();
      waiting.set(eventsWaiting);
      for (const [status, number] of Object.entries(byStatus)) runs.set({ status }, number);
      return registry.metrics();
    },
    observe(route, method, status, seconds) {
      const key = `${method} ${route} ${status}`;
      let entry = answered.get(key);
      if (entry === undefined) answered.set(key, (entry = answeredBy(method, route, status)));
      entry.count++;
      entry.observe(seconds);
    },
  };
}
