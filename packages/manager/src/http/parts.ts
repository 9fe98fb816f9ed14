/** What the endpoints work with. */
import type { Definition } from '@madsci-ts/protocol';
import type { Campaigns } from '../domain/campaigns.ts';
import type { Experiments } from '../domain/experiments.ts';
import type { Store } from '../store/store.ts';
import type { Delivery } from './delivery.ts';
import type { Metrics } from './metrics.ts';

/** There once the store is open; asked for by each request, because the server listens before. */
export interface Domain {
  store: Store;
  experiments: Experiments;
  campaigns: Campaigns;
}

export interface Parts {
  domain(): Domain;
  delivery: Delivery;
  metrics: Metrics;
  definition: Definition;
  /** What GET /settings replies: no secret in it. */
  settings: Record<string, unknown>;
  /** Version of this manager. */
  version: string;
  /** Replies MADSci's zoneless local times. */
  naiveTimes: boolean;
}
