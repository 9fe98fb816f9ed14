import { closest, distance } from 'fastest-levenshtein';
import { definitions } from './definitions.ts';
import type { Definition } from './definitions.ts';
import type { Source } from './sources.ts';

const PREFIX = 'experiment_';

/** Names by which a source knows a setting, in order; those of the second list after the first of every source. */
export type Names = readonly [readonly string[], readonly string[]];

/**
 * The environment carries the prefix; files don't need it. Where one file holds a name without and another with
 * prefix, the one without wins, as in MADSci 0.8.
 */
export function namesOf(name: string, definition: Definition<unknown>, kind: Source['kind']): Names {
  if (kind === 'command line') return [[name], []];
  if (definition.names) return definition.names;
  return kind === 'environment' ? [[PREFIX + name], []] : [[name], [PREFIX + name]];
}

/** What a laboratory's people write into the environment for a setting. */
export function environmentName(name: string): string {
  return (PREFIX + name).toUpperCase();
}

/**
 * Names under our prefix that others read, and which are therefore no mistakes: the settings of MADSci's
 * ExperimentApplication of 0.6 to 0.8, which is a node and shares the prefix (`.env` and `experiment.*` files, too).
 */
const applicationNames = new Set(
  `server_mode lab_server_url run_args run_kwargs max_pause_wait lab_url enable_registry_resolution registry_lock_timeout
  event_server_url experiment_server_url data_server_url resource_server_url workcell_server_url location_server_url
  node_definition node_info_path node_url node_id node_name node_type module_name module_version update_node_files
  state_update_interval status_update_interval enable_rate_limiting uvicorn_kwargs`
    .split(/\s+/)
    .map((name) => PREFIX + name),
);

const foreignPatterns = [
  // Settings of MADSci's ExperimentClient.
  /^experiment_client_/,
  // Kubernetes puts the addresses of a service called "experiment…" into every container.
  /^experiment_(\w+_)?(service_(host|port\w*)|port_\d+_(tcp|udp)\w*)$/,
];

function isForeign(name: string, value: unknown): boolean {
  // Kubernetes again; a plain number would be somebody's wrong name for our port.
  if (/^experiment_(\w+_)?port$/.test(name)) return /^(tcp|udp):/.test(String(value));
  return applicationNames.has(name) || foreignPatterns.some((pattern) => pattern.test(name));
}

const everyName = new Set(
  Object.entries(definitions).flatMap(([name, definition]) =>
    [...namesOf(name, definition, 'environment'), ...namesOf(name, definition, 'file')].flat(),
  ),
);

/** The nearest name, unless as many letters would have to change as would make any other word of it. */
function hintFor(source: Source, lower: string): string {
  const prefixed = lower.startsWith(PREFIX);
  const nearest = closest(
    lower,
    [...everyName].filter((name) => name.startsWith(PREFIX) === prefixed),
  );
  const letters = prefixed ? lower.length - PREFIX.length : lower.length;
  if (distance(lower, nearest) > letters / 2) return 'madsci-experiments settings lists them all';
  return `the nearest one is ${source.kind === 'environment' ? nearest.toUpperCase() : nearest}`;
}

function warningFor(source: Source, lower: string, key: string, value: unknown): string | undefined {
  const prefixed = lower.startsWith(PREFIX);
  if (everyName.has(lower) || isForeign(prefixed ? lower : PREFIX + lower, value)) return undefined;
  if (/^(experiment_)?otel_/.test(lower)) {
    return `${key} (${source.label}) has no effect: this manager does not export to OpenTelemetry, GET /metrics serves Prometheus.`;
  }
  return `${key} (${source.label}) is no setting of this manager; ${hintFor(source, lower)}.`;
}

/** A sentence for each name under our prefix, and in files of ours for any name, that nobody reads. */
export function unknownNameWarnings(sources: readonly Source[]): string[] {
  return sources
    .filter(({ kind }) => kind !== 'command line')
    .flatMap((source) =>
      [...source.entries]
        .filter(([lower]) => lower.startsWith(PREFIX) || (source.own && source.kind === 'file'))
        .map(([lower, { key, value }]) => warningFor(source, lower, key, value)),
    )
    .filter((warning) => warning !== undefined);
}
