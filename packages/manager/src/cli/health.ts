import type { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { plain, printFields, printJson } from './output.ts';
import { clientCommand, clientFor, type ClientFlags } from './shared.ts';

export function addHealthCommand(program: Command) {
  clientCommand(program, 'health', 'Ask whether the manager works; exit code 1 if it says no', [
    'health',
    'health --url http://lab-server:8002 --timeout 2 --json',
  ]).action(async (flags: ClientFlags) => {
    const health = await clientFor(flags).health();
    if (!health.healthy) process.exitCode = exitCodes.failed;
    if (flags.json) return printJson(health);
    const { experiments_by_status: byStatus } = health;
    printFields({
      Healthy: health.healthy ? 'yes' : 'no',
      About: plain(health.description),
      Database: health.db_connected ? 'connected' : 'not connected',
      Version: plain(health.version),
      Runs: health.total_experiments === null ? 'not known' : String(health.total_experiments),
      ...Object.fromEntries(
        Object.entries(byStatus ?? {}).map(([status, count]) => [`  ${status}`, String(count)]),
      ),
    });
  });
}
