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

export function createMetrics(store: () => Store): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'madsci_http_requests_total',
    help: 'Requests answered',
    labelNames,
    registers,
  });
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

  /** Label look-ups cost more than the counting; each combination is looked up once. */
  const observers = new Map<string, (seconds: number) => void>();
  const observerOf = (method: string, route: string, status: number) => {
    const count = requests.labels({ method, route, status });
    const duration = durations.labels({ method, route });
    return (seconds: number) => {
      count.inc();
      duration.observe(seconds);
    };
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
      const observer = observers.get(key) ?? observerOf(method, route, status);
      observers.set(key, observer);
      observer(seconds);
    },
  };
}
