/** The manager's log: lines for people at a terminal, JSON elsewhere. */
import { destination, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface LoggerOptions {
  level: string;
  /** `auto`: for people where standard error is a terminal, JSON elsewhere. */
  format: 'auto' | 'pretty' | 'json';
}

/** Logs to standard error, so that standard output stays for what a command prints. */
export function createLogger({ level, format }: LoggerOptions): Logger {
  const forPeople = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const base = { level, base: null };
  if (!forPeople) {
    return pino({ ...base, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: 2, sync: false }));
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
