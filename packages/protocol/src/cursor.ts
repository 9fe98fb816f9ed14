/** Where a page of runs ends: the last run's start and id. Opaque to clients, but every text of the pattern is a valid cursor. */

export interface RunPosition {
  /** Empty where the run's start cannot be read. */
  started_at: string;
  id: string;
}

/**
 * Year to millisecond as 17 digits, then the ULID. For a run that another program stored, whose time or id looks otherwise: `x`, then UTF-16
 * units as four hexadecimal digits each, the start and the id with a line feed between.
 */
export const runCursorPattern = '^(?:[0-9]{17}[0-9A-HJKMNP-TV-Z]{26}|x(?:[0-9a-f]{4}){1,600})$';

const usual = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\n[0-9A-HJKMNP-TV-Z]{26}$/;

export function encodeRunCursor({ started_at, id }: RunPosition): string {
  if (usual.test(`${started_at}\n${id}`)) return started_at.replaceAll(/[^0-9]/g, '') + id;
  const units = Array.from({ length: started_at.length + 1 + id.length }, (_, index) =>
    `${started_at}\n${id}`.charCodeAt(index).toString(16).padStart(4, '0'),
  );
  return `x${units.join('')}`;
}

/** The position that a cursor of the pattern names. */
export function decodeRunCursor(cursor: string): RunPosition {
  if (cursor.startsWith('x')) {
    const units = cursor.slice(1).match(/.{4}/g) ?? [];
    const [started_at = '', ...id] = String.fromCharCode(
      ...units.map((unit) => Number.parseInt(unit, 16)),
    ).split('\n');
    return { started_at, id: id.join('\n') };
  }
  const part = (from: number, to: number) => cursor.slice(from, to);
  const date = `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}`;
  const time = `${part(8, 10)}:${part(10, 12)}:${part(12, 14)}.${part(14, 17)}`;
  return { started_at: `${date}T${time}Z`, id: cursor.slice(17) };
}
