/** The manager's log: lines for people at a terminal, JSON elsewhere. */
import { destination, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface LoggerOptions {
  level: string;
  /** `auto`: for people where standard error is a terminal, JSON elsewhere. */
  format: 'auto' | 'pretty' | 'json';
}

/** Bytes and milliseconds after which lines are written: a write of its own for each line costs more than all else about it. */
const buffering = { minLength: 8192, periodicFlush: 100 };

/** Logs to standard error, so that standard output stays for what a command prints. */
export function createLogger({ level, format }: LoggerOptions): Logger {
  const forPeople = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const base = { level, base: null };
  if (!forPeople) {
    return pino(
      { ...base, timestamp: createTimestamp() },
      destination({ dest: 2, sync: false, ...buffering }),
    );
  }
  const stream = pretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return pino(base, stream);
}

/** ISO time as a member of the line; formatted once a millisecond, which saves most of its cost where lines are many. */
function createTimestamp(): () => string {
  let last = 0;
  let member = '';
  return () => {
    const now = Date.now();
    if (now !== last) member = `,"time":"${new Date(now).toISOString()}"`;
    last = now;
    return member;
  };
}
