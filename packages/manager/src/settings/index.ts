export { loadDefinition } from './manager-definition.ts';
export type { LoadedDefinition, ManagerDefinition } from './manager-definition.ts';
export { DefinitionError, SettingsError } from './errors.ts';
export { loadSettings, parseStore } from './load.ts';
export { redactUrl } from './redact.ts';
export type { LoadedSettings, Settings, StoreSettings } from './load.ts';
export { redactedSettings, settingsMarkdown, settingsTable } from './table.ts';
export type { SettingRow } from './table.ts';
