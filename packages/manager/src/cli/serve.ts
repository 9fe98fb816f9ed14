import cluster from 'node:cluster';
import type { Command } from 'commander';
import { createLogger } from '../logger.ts';
import { loadDefinition, loadSettings, type Settings } from '../settings/index.ts';
import { ready, startWorkers } from '../workers.ts';
import { exitCodes, reportFailure } from './exit-codes.ts';
import { addSettingOptions, readSettingOptions } from './setting-options.ts';
import { withExamples } from './shared.ts';

/** What a process that ended by Ctrl-C reports. */
const interruptedCode = 130;

/** npm passes a Ctrl-C on to its child, to which the terminal has sent it already: such an echo is no second wish. */
const echoMs = 500;

export function addServeCommand(program: Command) {
  const command = withExamples(program, 'serve', 'Run the experiment manager until Ctrl-C or SIGTERM', [
    'serve',
    'serve --server-url http://localhost:9002 --db-url sqlite:/var/lib/lab/experiments.db',
  ]);
  addSettingOptions(command).action(async () => {
    const loaded = loadSettings({ argv: readSettingOptions(command) });
    if ((loaded.settings.workers ?? 1) > 1 && cluster.isPrimary) return serveTogether(loaded.settings);
    // Only serve needs the server's many modules.
    const { startManager } = await import('../app.ts');
    const manager = await startManager(loaded);
    process.send?.(ready);
    await closeOnSignal(() => manager.close());
  });
}

/** Starts the workers, which run this same command, and stops with them. */
async function serveTogether(settings: Settings) {
  const { ready: started, close } = startWorkers({
    count: settings.workers ?? 1,
    logger: createLogger({ level: settings.log_level, format: settings.log_format }),
    // Completed before the workers read it, so that they agree on the manager's id.
    prepare: () => void loadDefinition(settings),
  });
  const stopped = closeOnSignal(close);
  try {
    await started;
  } catch {
    await close();
    process.exit(exitCodes.failed); // The worker has said why.
  }
  await stopped;
}

/** Resolves once a first signal has been followed by an orderly close; a second one ends the process at once. */
async function closeOnSignal(close: () => Promise<void>) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt !== undefined && performance.now() - firstAt > echoMs) process.exit(interruptedCode);
    firstAt ??= performance.now();
    resolve();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  await promise;
  try {
    await close();
    process.exit(0);
  } catch (error) {
    process.exit(reportFailure(error));
  }
}
