/** What people and machines get to see. stdout carries data only; words about it go to stderr. */
import type { Status } from '@madsci-ts/protocol';
import Table from 'cli-table3';
import { styleText } from 'node:util';

const maxCellCharacters = 60;

const edges = ['top', 'bottom', 'left', 'mid', 'right'].flatMap((edge) =>
  ['', '-mid', '-left', '-right'].map((corner) => [`${edge}${corner}`, '']),
);
const noBorder = { ...Object.fromEntries(edges), middle: '  ' } as Record<string, string>;
const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };

const statusColors = {
  in_progress: 'cyan',
  paused: 'yellow',
  completed: 'green',
  failed: 'red',
  cancelled: 'magenta',
  unknown: 'yellow',
} as const satisfies Record<Status, string>;

/** Text that others wrote, fit for a terminal: what could steer it is replaced, long text is cut. */
export function plain(value: unknown, maxCharacters = maxCellCharacters): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = Array.from(text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{FFFD}'));
  return safe.length <= maxCharacters ? safe.join('') : `${safe.slice(0, maxCharacters - 1).join('')}…`;
}

/** Colours where stdout is a terminal that wants them. */
export function coloured(status: Status): string {
  return styleText(statusColors[status], status);
}

/** A table with a head line. */
export function printTable(head: string[], rows: string[][]) {
  const table = new Table({ head: head.map((text) => styleText('bold', text)), chars: noBorder, style });
  table.push(...rows);
  printLines(table.toString());
}

/** One named value a line; those without a value are left out. */
export function printFields(fields: Record<string, string>) {
  const table = new Table({ chars: noBorder, style });
  for (const [name, text] of Object.entries(fields)) {
    if (text !== '') table.push([styleText('bold', name), text]);
  }
  printLines(table.toString());
}

/** cli-table3 fills each line up with spaces. */
function printLines(text: string) {
  process.stdout.write(`${text.replaceAll(/ +$/gm, '')}\n`);
}

export function printJson(value: unknown) {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line of JSON, for streams. */
export function printJsonLine(value: unknown) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A JSON array, one entry a line, written while it comes. */
export async function printJsonArray(entries: AsyncIterable<unknown>) {
  let separator = '[\n';
  for await (const entry of entries) {
    process.stdout.write(separator + JSON.stringify(entry));
    separator = ',\n';
  }
  process.stdout.write(separator === '[\n' ? '[]\n' : '\n]\n');
}

/** Something to know that is no data. */
export function note(message: string) {
  process.stderr.write(`${message}\n`);
}
