export { Campaign, CampaignInput } from './campaign.ts';
export { Condition, ConditionInput, ConditionKey, operators } from './conditions.ts';
export { decodeRunCursor, encodeRunCursor, runCursorPattern, type RunPosition } from './cursor.ts';
export { ExperimentDesign, ExperimentDesignInput } from './design.ts';
export { ErrorBody, InvalidBody, errors, type ErrorCode } from './errors.ts';
export {
  CommandBody,
  Conflict,
  Experiment,
  ExperimentEdit,
  ExperimentStart,
  HistoryEntry,
  Lease,
} from './experiment.ts';
export { isRawNumber, parseJson, rawNumber, type JsonValue, type RawNumber } from './json.ts';
export {
  allowedCommands,
  commands,
  finalStatuses,
  isFinal,
  lifecycle,
  movesOf,
  outcomeSpellings,
  readOutcome,
  statuses,
  type Command,
  type FinalStatus,
  type Move,
  type Status,
} from './lifecycle.ts';
export { Definition, Health, SettingsReply } from './manager.ts';
export {
  OwnershipInfo,
  OwnershipInfoInput,
  ownershipFields,
  setOwners,
  type OwnershipField,
} from './ownership.ts';
export { maxValueDepth, parse, type Issue, type Parsed } from './parse.ts';
export { parseQuery } from './query.ts';
export {
  commandRoutes,
  maxPageSize,
  otherReplies,
  pathOf,
  routes,
  type Route,
  type RouteName,
} from './routes.ts';
export { FreeObject, Timestamp, Ulid, ulidPattern } from './schema.ts';
export { toNaiveLocal, toUtc } from './time.ts';
