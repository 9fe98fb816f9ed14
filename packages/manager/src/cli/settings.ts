import type { Command } from 'commander';
import { loadSettings, redactedSettings, settingsTable, type LoadedSettings } from '../settings/index.ts';
import { note, plain, printJson, printTable } from './output.ts';
import { addSettingOptions, readSettingOptions } from './setting-options.ts';
import { withExamples } from './shared.ts';

export function addSettingsCommand(program: Command) {
  const command = withExamples(
    program,
    'settings',
    'Print every setting that serve would use, and where it came from',
    ['settings', 'settings --json | jq -r ".[] | select(.origin != \\"default\\") | .name"'],
  );
  addSettingOptions(command.option('--json', 'print JSON')).action(({ json }: { json?: boolean }) => {
    const loaded = loadSettings({ argv: readSettingOptions(command) });
    const rows = toRows(loaded);
    if (json) printJson(rows);
    else
      printTable(
        ['SETTING', 'VALUE', 'FROM'],
        rows.map(({ name, value, origin }) => [name, show(value), plain(origin)]),
      );
    for (const warning of loaded.warnings) note(`warning: ${warning}`);
  });
}

function show(value: unknown): string {
  return value === null ? 'null' : plain(value);
}

/** Secrets are redacted in `value`. */
function toRows({ settings, origins }: LoadedSettings) {
  const { context, ...values } = redactedSettings(settings);
  const all = new Map(Object.entries({ ...values, ...(context as Record<string, unknown>) }));
  const originOf = new Map<string, string>(Object.entries(origins));
  return settingsTable.map(({ name, environment, unit }) => ({
    name,
    value: all.get(name),
    unit,
    origin: originOf.get(name) ?? 'default',
    environment,
  }));
}
