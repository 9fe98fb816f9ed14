/** Every setting of the server as an option of the command line. */
import { Option, type Command } from 'commander';
import { settingsTable } from '../settings/index.ts';

/** `--server-url <value>` for server_url and so on. The laboratory's addresses (context) are no options. */
export function addSettingOptions(command: Command): Command {
  for (const { name, unit, description, default: value } of settingsTable.filter(({ context }) => !context)) {
    const shown = typeof value === 'string' ? value : JSON.stringify(value);
    const help = `${description} (default: ${shown}${unit === null ? '' : ` ${unit}`})`;
    command.addOption(new Option(`--${name.replaceAll('_', '-')} <value>`, help));
  }
  return command;
}

/** The given options by name of the setting, as text: the settings read them as they read the environment. */
export function readSettingOptions(command: Command): Record<string, unknown> {
  const flags = new Map(Object.entries(command.opts<Record<string, unknown>>()));
  const names = new Set(settingsTable.map(({ name }) => name));
  const given: Record<string, unknown> = {};
  for (const option of command.options) {
    const name = option.long?.slice(2).replaceAll('-', '_') ?? '';
    if (names.has(name)) given[name] = flags.get(option.attributeName());
  }
  return given;
}
