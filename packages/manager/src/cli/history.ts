import type { HistoryEntry } from '@madsci-ts/protocol';
import type { Command } from 'commander';
import { plain, printJsonArray, printTable } from './output.ts';
import { clientCommand, clientFor, type ClientFlags } from './shared.ts';
import { showTime } from './times.ts';

export function addHistoryCommand(program: Command) {
  clientCommand(program, 'history', 'Show everything that was asked of a run, oldest first', [
    'history 01KABC0000000000000000000A',
    'history 01KABC0000000000000000000A --json',
  ])
    .argument('<id>', 'id of the run')
    .action(async (id: string, flags: ClientFlags) => {
      const entries = clientFor(flags).history(id);
      if (flags.json) return printJsonArray(entries);
      const head = ['#', 'AT', 'COMMAND', 'FROM', 'TO', '', 'ACTOR', 'REASON'];
      printTable(head, (await Array.fromAsync(entries)).map(toRow));
    });
}

function toRow({ sequence, at, command, from, to, accepted, actor, reason }: HistoryEntry): string[] {
  const verdict = accepted ? '' : 'refused';
  return [String(sequence), showTime(at), command, from ?? '', to, verdict, plain(actor), plain(reason)];
}
