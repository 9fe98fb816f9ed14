import { homedir } from 'node:os';
import { join } from 'node:path';

/** Settings reach us without a shell, so `~/` is still in them. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
