import Type, { type Static } from 'typebox';
import { OwnershipInfo, OwnershipInfoInput } from './ownership.ts';
import { Timestamp, Ulid, nullable, optional } from './schema.ts';

const properties = {
  campaign_id: Ulid,
  campaign_name: Type.String({ description: 'Name of the campaign' }),
  campaign_description: nullable(Type.String(), 'What the campaign is for'),
  experiment_ids: nullable(Type.Array(Type.String()), 'Ids of the runs, as the client registered them'),
  ownership_info: OwnershipInfo,
  created_at: Timestamp,
  ended_at: nullable(Timestamp),
};

/** A group of runs, as the Python clients register and read it. */
export const Campaign = Type.Object(
  { ...properties, version: Type.Integer({ minimum: 1, description: 'Number of accepted changes' }) },
  { title: 'Campaign' },
);
export type Campaign = Static<typeof Campaign>;

/** A time as Python clients send it: RFC 3339, or without a zone, which then is the manager's local time. */
const LooseTimestamp = Type.String({
  format: 'date-time',
  description: "RFC 3339; without a zone it is the manager's local time",
});

/** Body of POST /campaign. The client may bring its own `campaign_id`; registering the same campaign again updates it. */
export const CampaignInput = Type.Object(
  {
    ...optional(properties, 'campaign_id', 'campaign_description', 'experiment_ids'),
    ownership_info: Type.Optional(OwnershipInfoInput),
    created_at: Type.Optional(nullable(LooseTimestamp)),
    ended_at: Type.Optional(nullable(LooseTimestamp)),
  },
  { title: 'CampaignInput' },
);
export type CampaignInput = Static<typeof CampaignInput>;
