export { ExperimentClient, type EndBody, type ExperimentQuery, type PageQuery } from './client.ts';
export {
  isExperimentClientError,
  NoAnswerError,
  NotUnderstoodError,
  RefusedError,
  StatusNeverReachedError,
  TooLateError,
  type ExperimentClientError,
} from './errors.ts';
export type { CallOptions, ExperimentClientOptions, WriteOptions } from './options.ts';
export type { Page } from './pages.ts';
export type { WaitOptions } from './wait.ts';
