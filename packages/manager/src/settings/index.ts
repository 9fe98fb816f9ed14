export { loadDefinition } from './manager-definition.ts';
export type { ManagerDefinition } from './manager-definition.ts';
export { DefinitionError, SettingsError } from './errors.ts';
export { loadSettings, parseStore } from './load.ts';
export { redactUrl } from './redact.ts';
export type { LoadedSettings, Settings } from './load.ts';
export { redactedSettings, settingsMarkdown, settingsTable } from './table.ts';
