import type { Campaign } from '@madsci-ts/protocol';
import type { Command } from 'commander';
import { plain, printFields, printJson, printJsonArray, printTable } from './output.ts';
import { clientCommand, clientFor, type ClientFlags } from './shared.ts';
import { showAge, showTime, showTimeAndAge } from './times.ts';

export function addCampaignsCommand(program: Command) {
  clientCommand(program, 'campaigns', 'List campaigns, latest first, or show one', [
    'campaigns',
    'campaigns 01KABC0000000000000000000B --json',
  ])
    .argument('[id]', 'id of a campaign')
    .action(async (id: string | undefined, flags: ClientFlags) => {
      const client = clientFor(flags);
      if (id !== undefined) return printCampaign(await client.getCampaign(id), flags.json);
      if (flags.json) return printJsonArray(client.campaigns());
      const campaigns = await Array.fromAsync(client.campaigns());
      printTable(['ID', 'NAME', 'RUNS', 'CREATED', ''], campaigns.map(toRow));
    });
}

function toRow({ campaign_id, campaign_name, experiment_ids, created_at }: Campaign): string[] {
  const runs = String(experiment_ids?.length ?? 0);
  return [campaign_id, plain(campaign_name), runs, showTime(created_at), showAge(created_at)];
}

function printCampaign(campaign: Campaign, json: boolean | undefined) {
  if (json) return printJson(campaign);
  printFields({
    Campaign: campaign.campaign_id,
    Name: plain(campaign.campaign_name),
    Description: plain(campaign.campaign_description, 1000),
    Created: showTimeAndAge(campaign.created_at),
    Ended: showTimeAndAge(campaign.ended_at),
    Runs: (campaign.experiment_ids ?? []).map((id) => plain(id)).join('\n'),
  });
}
