/** Runs the real mongodump and mongorestore. They get the whole URL in a file that nobody else may read, never on a command line. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConnectionString } from 'mongodb-connection-string-url';
import { stringify } from 'yaml';
import { BackupError } from './errors.ts';

const execute = promisify(execFile);

/** What a tool may print. */
const maxOutputBytes = 64 * 1024 * 1024;
const maxShownLines = 5;

export type MongoTool = 'mongodump' | 'mongorestore';

/**
 * Runs a tool to its end.
 *
 * @throws BackupError which says how to get the tool where it is missing, or the end of what it said
 */
export async function runMongoTool(
  tool: MongoTool,
  url: string,
  parameters: readonly string[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mongo-tools-'));
  try {
    const config = join(folder, 'config.yaml');
    await writeFile(config, stringify({ uri: urlWithoutDatabase(url) }), { mode: 0o600 });
    await execute(tool, ['--config', config, ...parameters], { maxBuffer: maxOutputBytes });
  } catch (error) {
    throw asBackupError(tool, url, error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The tools refuse a URL that names another database than they are told. That name is also where the user is known, unless the URL says
 * otherwise.
 */
function urlWithoutDatabase(url: string): string {
  const parsed = new ConnectionString(url);
  const database = decodeURIComponent(parsed.pathname.slice(1));
  const parameters = parsed.typedSearchParams<{ authSource: string }>();
  if (database !== '' && parsed.username !== '' && !parameters.has('authSource')) {
    parameters.set('authSource', database);
  }
  parsed.pathname = '/';
  return parsed.toString();
}

function asBackupError(tool: MongoTool, url: string, error: unknown): unknown {
  const { code, stderr, killed } = error as { code?: unknown; stderr?: unknown; killed?: boolean };
  if (code === 'ENOENT') {
    return new BackupError(
      `${tool} was not found. Install the MongoDB Database Tools (Debian, Ubuntu: package mongodb-database-tools; macOS: brew install mongodb-database-tools; all: https://www.mongodb.com/docs/database-tools/installation/) and see that their folder is in PATH.`,
    );
  }
  if (typeof stderr !== 'string' || killed === undefined) return error;
  const lines = withoutSecrets(stderr, url).trim().split('\n').slice(-maxShownLines);
  return new BackupError(`${tool} failed: ${lines.join('\n')}`);
}

function withoutSecrets(text: string, url: string): string {
  const { username, password } = new ConnectionString(url);
  const secrets = [url, urlWithoutDatabase(url), password, decodeURIComponent(password)];
  const user = username === '' ? [] : [`${username}:`];
  return [...secrets, ...user]
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '***REDACTED***'), text);
}
