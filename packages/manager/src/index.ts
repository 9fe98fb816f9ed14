export { StartError, startManager, type Overrides, type RunningManager } from './app.ts';
export { DefinitionError, SettingsError, loadSettings, type LoadedSettings } from './settings/index.ts';
export { StoreError } from './store/store.ts';
