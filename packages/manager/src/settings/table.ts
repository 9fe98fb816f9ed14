import { contextDefinitions, definitions } from './definitions.ts';
import type { Definition } from './definitions.ts';
import type { Settings } from './load.ts';
import { environmentName } from './names.ts';
import { REDACTED } from './redact.ts';

/** One setting for people: a row of the README's table, an option of the command line. */
export interface SettingRow {
  readonly name: string;
  readonly environment: string;
  /** Completes "must be …". */
  readonly expected: string;
  readonly default: unknown;
  readonly unit: string | null;
  readonly description: string;
  /** Replied and printed redacted. */
  readonly secret: boolean;
  readonly from: 'MADSci' | 'ours';
  /** Of the laboratory: without prefix, and no option of the command line. */
  readonly context: boolean;
}

function toRow(name: string, definition: Definition<unknown>, context: boolean): SettingRow {
  return {
    name,
    environment: context ? name.toUpperCase() : environmentName(name),
    expected: definition.type.expected,
    default: definition.default,
    unit: definition.unit ?? null,
    description: definition.description,
    secret: definition.secret ?? false,
    from: definition.from,
    context,
  };
}

/** Every setting in the order of the README. */
export const settingsTable: readonly SettingRow[] = [
  ...Object.entries(definitions).map(([name, definition]) => toRow(name, definition, false)),
  ...Object.entries(contextDefinitions).map(([name, definition]) => toRow(name, definition, true)),
];

function toMarkdownRow({ name, environment, default: value, unit, description, from }: SettingRow): string {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  const of = from === 'MADSci' ? 'MADSci' : '';
  return `| \`${name}\` | \`${environment}\` | \`${shown}\`${unit === null ? '' : ` ${unit}`} | ${description} | ${of} |`;
}

/** The settings as a Markdown table, for the README. */
export function settingsMarkdown(): string {
  const head = '| setting | in the environment | default | | |\n| --- | --- | --- | --- | --- |';
  return [head, ...settingsTable.map(toMarkdownRow), ''].join('\n');
}

function redactValue(definition: Definition<unknown>, value: unknown): unknown {
  if (value === null) return null;
  return definition.type.redact?.(value) ?? (definition.secret ? REDACTED : value);
}

function redactTable(
  table: Readonly<Record<string, Definition<unknown>>>,
  values: object,
): Record<string, unknown> {
  const byName = new Map<string, unknown>(Object.entries(values));
  return Object.fromEntries(
    Object.entries(table).map(([name, definition]) => [name, redactValue(definition, byName.get(name))]),
  );
}

/** Every value by name, `context` nested, as anybody may see it: no secret, no user or password in a URL. */
export function redactedSettings(settings: Settings): Record<string, unknown> {
  return {
    ...redactTable(definitions, settings),
    context: redactTable(contextDefinitions, settings.context),
  };
}
