import tab from '@bomb.sh/tab/commander';
import { Command } from 'commander';
import { createRequire } from 'node:module';
import { addBackupCommand } from './backup.ts';
import { addCampaignsCommand } from './campaigns.ts';
import { addCancelCommand } from './cancel.ts';
import { addContinueCommand } from './continue.ts';
import { addCopyCommand } from './copy.ts';
import { addEndCommand } from './end.ts';
import { exitCodesHelp, reportFailure } from './exit-codes.ts';
import { addFailCommand } from './fail.ts';
import { addHealthCommand } from './health.ts';
import { addHistoryCommand } from './history.ts';
import { addListCommand } from './list.ts';
import { addMigrateCommand } from './migrate.ts';
import { addPauseCommand } from './pause.ts';
import { addServeCommand } from './serve.ts';
import { addSettingsCommand } from './settings.ts';
import { addShowCommand } from './show.ts';
import { addStartCommand } from './start.ts';
import { addWatchCommand } from './watch.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** In the order of --help. */
const adders = [
  addServeCommand,
  addStartCommand,
  addListCommand,
  addShowCommand,
  addPauseCommand,
  addContinueCommand,
  addEndCommand,
  addFailCommand,
  addCancelCommand,
  addHistoryCommand,
  addWatchCommand,
  addCampaignsCommand,
  addHealthCommand,
  addCopyCommand,
  addBackupCommand,
  addMigrateCommand,
  addSettingsCommand,
];

const examples = `
Examples:
  $ madsci-experiments serve
  $ madsci-experiments start titration.yaml --run-name "first try"
  $ madsci-experiments list --status in_progress
  $ madsci-experiments <command> --help`;

function createProgram(): Command {
  const program = new Command('madsci-experiments')
    .description('Experiment manager of a self-driving laboratory: run it, and control the runs it keeps')
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .addHelpText('after', `${examples}\n${exitCodesHelp}`);
  for (const add of adders) add(program);
  tab(program, { completionCommandName: 'completion' });
  return program;
}

/** Runs the command that `args` name; resolves when it is done, with the exit code set. */
export async function runProgram(args: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough: `list --all | head`.
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}
