import { join } from 'node:path';
import { SettingsError, systemCode } from './errors.ts';
import { readDotenv, readEntries } from './formats.ts';
import type { Entries, FileFormat } from './formats.ts';

/** A place where settings stand. Its kind says how names are written there. */
export interface Source {
  readonly kind: 'command line' | 'environment' | 'file';
  /** For people: "environment", ".env", "settings.yaml". */
  readonly label: string;
  /** Read by this manager alone, so that every name in it has to be known. */
  readonly own: boolean;
  /** Key in lower case to the key as written, and its value: MADSci reads names in any case. */
  readonly entries: ReadonlyMap<string, { readonly key: string; readonly value: unknown }>;
}

/** Where to look. `env` and `argv` may be empty, files that do not exist are passed over. */
export interface Places {
  readonly argv: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Who reads: files are named after it; MADSci calls the manager's own both ways. The last file wins. */
export const stems = { experiment: ['', 'experiment', 'experiments'], context: ['', 'context'] } as const;

const formats: readonly FileFormat[] = ['json', 'toml', 'yaml'];

function toSource(kind: Source['kind'], label: string, entries: Entries): Source {
  const present = Object.entries(entries).filter(([, value]) => value !== undefined);
  return {
    kind,
    label,
    own: label.startsWith('experiments.'),
    entries: new Map(present.map(([key, value]) => [key.toLowerCase(), { key, value }])),
  };
}

function fromFile(kind: Source['kind'], label: string, read: () => Entries | undefined): Source[] {
  try {
    const entries = read();
    return entries === undefined ? [] : [toSource(kind, label, entries)];
  } catch (error) {
    // A folder of this name is somebody else's: ".env" is also what some call their Python environment.
    if (systemCode(error) === 'EISDIR') return [];
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(`The settings file ${label} can't be read: ${reason}.`, { cause: error });
  }
}

/** All sources of one reader that exist, the first one that holds a name wins. */
export function readSources(reader: keyof typeof stems, { argv, env, cwd }: Places): Source[] {
  const lastFirst = stems[reader].toReversed();
  const dotenvs = lastFirst.flatMap((stem) => {
    const label = `${stem}.env`;
    return fromFile('environment', label, () => readDotenv(join(cwd, label), env));
  });
  const files = formats.flatMap((format) =>
    lastFirst.flatMap((stem) => {
      const label = stem === '' ? `settings.${format}` : `${stem}.settings.${format}`;
      return fromFile('file', label, () => readEntries(join(cwd, label), format));
    }),
  );
  return [
    toSource('command line', 'command line', argv),
    toSource('environment', 'environment', env),
    ...dotenvs,
    ...files,
  ];
}
