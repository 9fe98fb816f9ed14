/** Where a page of runs ends: the last run's start and id. Opaque to clients, but every text of the pattern is a valid cursor. */

export interface RunPosition {
  started_at: string;
  id: string;
}

/** Year to millisecond as 17 digits, then the id. */
export const runCursorPattern = '^[0-9]{17}[0-9A-HJKMNP-TV-Z]{26}$';

export function encodeRunCursor({ started_at, id }: RunPosition): string {
  return started_at.replaceAll(/[^0-9]/g, '') + id;
}

/** The position that a cursor of the pattern names. */
export function decodeRunCursor(cursor: string): RunPosition {
  const part = (from: number, to: number) => cursor.slice(from, to);
  const date = `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}`;
  const time = `${part(8, 10)}:${part(10, 12)}:${part(12, 14)}.${part(14, 17)}`;
  return { started_at: `${date}T${time}Z`, id: cursor.slice(17) };
}
