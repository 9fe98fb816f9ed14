import { readFileSync } from 'node:fs';
import dotenv from 'dotenv';
import { parse as parseJsonc } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import { parse as parseToml, TomlError } from 'smol-toml';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { SettingsError, systemCode } from './errors.ts';

/** Keys and values of one file, as they stand in it. */
export type Entries = Readonly<Record<string, unknown>>;

/** The text of a file without its byte order mark; undefined where there is no such file. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The parsers put lines of the file into their messages, which may hold a password: only the first line is safe. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '').replace(/:$/, '');
}

function parseJsonFile(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const errors: ParseError[] = [];
    parseJsonc(text, errors, { disallowComments: true });
    const before = text.slice(0, errors[0]?.offset ?? 0).split('\n');
    throw new SettingsError(
      `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: not valid JSON`,
    );
  }
}

function parseTomlFile(text: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = firstLine(error.message).replace('Invalid TOML document: ', '');
    throw new SettingsError(`line ${error.line}, column ${error.column}: ${reason}`);
  }
}

/** Position and reason of an error in YAML, without text of the file. */
export function yamlReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const start = error instanceof YAMLParseError ? error.linePos?.[0] : undefined;
  const reason = firstLine(error.message);
  return start === undefined ? reason : `line ${start.line}, column ${start.col}: ${reason}`;
}

function parseYamlFile(text: string): unknown {
  try {
    return parseYaml(text, { merge: true, logLevel: 'error' }) ?? {};
  } catch (error) {
    throw new SettingsError(yamlReason(error));
  }
}

/** In Python a `#` begins a comment after a space only; the parser at hand takes any, unless the value is quoted. */
function quoteHashes(text: string): string {
  const unquoted =
    /^(\s*(?:export\s+)?[\w.-]+[ \t]*=[ \t]*)([^\s'"`#][^\r\n]*?)(?:[ \t]+#[^\r\n]*)?[ \t]*$/gm;
  return text.replace(unquoted, (line: string, head: string, value: string) =>
    value.includes('#') && !value.includes("'") ? `${head}'${value}'` : line,
  );
}

/** Replaces `${NAME}` and `${NAME:-default}` by values above it in the file, then of the environment, as Python does. */
function interpolate(values: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): Entries {
  const known: Record<string, string | undefined> = { ...env };
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const filled = value.replace(
        /\$\{([^}:]*)(?::-([^}]*))?\}/g,
        (_all, name: string, otherwise?: string) => known[name] ?? otherwise ?? '',
      );
      known[key] = filled;
      return [key, filled];
    }),
  );
}

export function readDotenv(path: string, env: NodeJS.ProcessEnv): Entries | undefined {
  const text = readText(path);
  return text === undefined ? undefined : interpolate(dotenv.parse(quoteHashes(text)), env);
}

const parsers = { json: parseJsonFile, toml: parseTomlFile, yaml: parseYamlFile } as const;

export type FileFormat = keyof typeof parsers;

/** The file's top level; undefined where there is no such file. Throws a SettingsError without the file's name. */
export function readEntries(path: string, format: FileFormat): Entries | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  const content = parsers[format](text);
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content as Entries;
  throw new SettingsError('line 1: it has to hold names and values');
}
