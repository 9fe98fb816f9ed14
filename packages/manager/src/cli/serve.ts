import type { Command } from 'commander';
import { loadSettings } from '../settings/index.ts';
import { reportFailure } from './exit-codes.ts';
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
    // Only serve needs the server's many modules.
    const { startManager } = await import('../app.ts');
    const manager = await startManager(loaded);
    await closeOnSignal(() => manager.close());
  });
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
