/** Replies in MADSci's zoneless form, for scripts that subtract `datetime.now()`: the setting `naive_times`. */
import { parseJson, toNaiveLocal, type JsonValue } from '@madsci-ts/protocol';

/** Where a stored document or history entry has a time. */
const timeFields = ['started_at', 'ended_at', 'updated_at', 'created_at', 'at'];

/** The stored JSON text, its times in the manager's local time without a zone. */
export function naive(text: string): string {
  const value = parseJson(text);
  return JSON.stringify(Array.isArray(value) ? value.map(local) : local(value));
}

function local(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const document = { ...value } as Record<string, JsonValue>;
  for (const field of timeFields) {
    const time = document[field];
    if (typeof time === 'string') document[field] = toNaiveLocal(time);
  }
  return document;
}
