/** Campaigns as the Python clients register and read them. */
import { setOwners, toUtc, type CampaignInput, type OwnershipInfo } from '@madsci-ts/protocol';
import type { Page, Store } from '../store/store.ts';
import type { Caller, TextPage } from './experiments.ts';
import { timestamp, type Identity } from './identity.ts';
import { Refusal } from './refusals.ts';

export interface CampaignsOptions {
  store: Store;
  identity: Identity;
  owner: OwnershipInfo;
}

export type Campaigns = ReturnType<typeof createCampaigns>;

export function createCampaigns({ store, identity, owner }: CampaignsOptions) {
  return {
    /** Registers a campaign under the id that the client brings, or a new one. */
    async register(input: CampaignInput, caller: Caller): Promise<string> {
      const id = input.campaign_id ?? identity.newId();
      const document = {
        campaign_id: id,
        campaign_name: input.campaign_name,
        campaign_description: input.campaign_description ?? null,
        experiment_ids: input.experiment_ids ?? null,
        ownership_info: input.ownership_info === undefined ? owner : setOwners(input.ownership_info),
        created_at: utc(input.created_at) ?? timestamp(identity.now()),
        ended_at: utc(input.ended_at) ?? null,
      };
      const outcome = await store.putCampaign({
        id,
        document,
        ...(caller.once === undefined ? {} : { once: caller.once }),
      });
      if (outcome.kind !== 'done') throw new Refusal('idempotency_key_reused');
      return outcome.text;
    },

    async get(id: string): Promise<string> {
      const text = await store.campaign(id);
      if (text === undefined) throw new Refusal('campaign_not_found');
      return text;
    },

    /** Latest registration first. */
    async list(page: Page): Promise<TextPage> {
      const found = await store.campaigns({ ...page, limit: page.limit + 1 });
      const shown = found.slice(0, page.limit);
      const last = shown.at(-1);
      const texts = shown.map(({ text }) => text);
      return found.length > shown.length && last !== undefined
        ? { texts, next: String(last.position) }
        : { texts };
    },
  };
}

function utc(time: string | null | undefined): string | undefined {
  return time == null ? undefined : toUtc(time);
}
