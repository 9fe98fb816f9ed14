import { isIP } from 'node:net';
import { redactUrl } from './redact.ts';

/** How the values of one kind of setting are read. Text comes from the environment, typed values from files. */
export interface SettingType<T> {
  /** Completes the sentence "must be …". */
  readonly expected: string;
  /** The canonical value, or undefined where the raw one is none of this type. */
  readonly parse: (raw: unknown) => T | undefined;
  /** The value, or a refused raw one, as others may see it. Without this it is shown as it stands. */
  readonly redact?: (raw: unknown) => unknown;
}

/** The longest time a timer of Node can wait, about 24.8 days; a generous ceiling for every other number, too. */
const MAX_NUMBER = 2_147_483_647;

/** "7", " 7 ", "7.0" and "1_000" are whole numbers for MADSci. */
function parseInteger(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? raw : undefined;
  if (typeof raw !== 'string') return undefined;
  const digits = raw.trim().replace(/(?<=\d)_(?=\d)/g, '');
  return /^[+-]?\d+(\.0*)?$/.test(digits) ? Number(digits) : undefined;
}

export function integer(min: number, max = MAX_NUMBER): SettingType<number> {
  return {
    expected:
      max === MAX_NUMBER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`,
    parse: (raw) => {
      const value = parseInteger(raw);
      return value !== undefined && value >= min && value <= max ? value : undefined;
    },
  };
}

/** A scalar of a file or of the environment as a lower-case word; anything else is none. */
function toWord(raw: unknown): string {
  return typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean'
    ? String(raw).toLowerCase()
    : '';
}

const trueWords = new Set(['true', '1', 'yes', 'y', 'on', 't']);
const falseWords = new Set(['false', '0', 'no', 'n', 'off', 'f']);

export const boolean: SettingType<boolean> = {
  expected: 'true or false',
  parse: (raw) => {
    const word = toWord(raw);
    if (trueWords.has(word)) return true;
    return falseWords.has(word) ? false : undefined;
  },
};

export function text(expected = 'a text that is not empty'): SettingType<string> {
  return { expected, parse: (raw) => (typeof raw === 'string' && raw.trim() !== '' ? raw : undefined) };
}

/** One word of a list in any case; `aliases` are other spellings in lower case. */
export function choice<const T extends string>(
  words: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): SettingType<T> {
  const byWord = new Map<string, T>([
    ...Object.entries(aliases),
    ...words.map((word) => [word, word] as const),
  ]);
  return {
    expected: words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`,
    parse: (raw) => byWord.get(toWord(raw)),
  };
}

/** The text "null" counts as null: the environment and TOML have no null of their own. */
export function nullable<T>(type: SettingType<T>): SettingType<T | null> {
  return {
    ...type,
    expected: `${type.expected}, or null`,
    parse: (raw) => (raw === null || raw === 'null' ? null : type.parse(raw)),
  };
}

function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

/** A list of files, or in the environment a JSON list such as `["10.0.0.7"]`. */
export function list<T>(item: SettingType<T>, example: string): SettingType<readonly T[]> {
  return {
    expected: `a list of which each entry is ${item.expected} (in the environment as JSON: '["${example}"]')`,
    parse: (raw) => {
      const entries = typeof raw === 'string' ? parseJson(raw) : raw;
      if (!Array.isArray(entries)) return undefined;
      const values = entries.map((entry) => item.parse(entry)).filter((value) => value !== undefined);
      return values.length === entries.length ? values : undefined;
    },
  };
}

/** An absolute URL in its canonical spelling, with a slash after a bare host as MADSci writes it. */
export const httpUrl: SettingType<string> = {
  expected: 'a URL such as http://localhost:8002',
  parse: (raw) => {
    if (typeof raw !== 'string' || !URL.canParse(raw)) return undefined;
    const url = new URL(raw);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
  },
  redact: redactUrl,
};

/**
 * `sqlite:` and a path, or a URL of MongoDB. `sqlite://` is refused because tools disagree on whether the path after
 * it is absolute, `:memory:` because acknowledged runs have to last.
 */
export const databaseUrl: SettingType<string> = {
  expected:
    'sqlite: and the path of a file (sqlite:.madsci/experiments.db, sqlite:/var/lib/experiments.db), or a URL that begins with mongodb:// or mongodb+srv://',
  parse: (raw) => {
    if (typeof raw !== 'string') return undefined;
    if (/^sqlite:(?!\/\/|:memory:|$)/.test(raw)) return raw;
    return /^mongodb(\+srv)?:\/\/[^/]/.test(raw) ? raw : undefined;
  },
  redact: redactUrl,
};

export const origin: SettingType<string> = {
  expected: 'an origin such as https://lab.example.org, without a path',
  parse: (raw) => {
    if (typeof raw !== 'string' || !URL.canParse(raw)) return undefined;
    const url = new URL(raw);
    return url.origin !== 'null' && url.href === `${url.origin}/` ? url.origin : undefined;
  },
};

function isNetwork(raw: string): boolean {
  const [address = '', bits, ...rest] = raw.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export const network: SettingType<string> = {
  expected: 'an IP address or a network such as 10.0.0.0/8',
  parse: (raw) => (typeof raw === 'string' && isNetwork(raw) ? raw : undefined),
};

/** MADSci writes ids in upper case and from 0.7 on takes them in either. The first character ends at 48 bits of time. */
export const ulidText: SettingType<string> = {
  expected: 'a ULID (26 characters such as 01KABD0000000000000000EXP1)',
  parse: (raw) =>
    typeof raw === 'string' && /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(raw) ? raw.toUpperCase() : undefined,
};

/** There is one kind of manager here. */
export const managerType = choice(['experiment_manager']);
