/** Reads query parameters, which are texts, by their schema. A parameter given twice counts by its last value, as with FastAPI. */
import type { Static, TObject, TSchema } from 'typebox';
import { parse, type Issue, type Parsed } from './parse.ts';

/** What pydantic takes for an integer in a text: spaces around it, a sign, underscores between digits, a fraction of zeros. */
const integerText = /^\s*[+-]?\d+(?:_\d+)*(?:\.0*)?\s*$/;

export function parseQuery<T extends TObject>(schema: T, query: Record<string, unknown>): Parsed<Static<T>> {
  const issues: Issue[] = [];
  const texts: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const given = query[name];
    if (given === undefined) continue;
    texts[name] = Array.isArray(given) ? given.at(-1) : given;
    const value = isInteger(property) ? readInteger(texts[name], name, issues) : texts[name];
    if (value !== undefined) values[name] = value;
  }
  const parsed = parse(schema, values, ['query']);
  if (!parsed.ok)
    issues.push(...parsed.issues.map((issue) => ({ ...issue, input: texts[issue.loc[1] ?? ''] })));
  return parsed.ok && issues.length === 0 ? parsed : { ok: false, issues };
}

function isInteger(schema: TSchema): boolean {
  return 'type' in schema && schema.type === 'integer';
}

function readInteger(text: unknown, name: string, issues: Issue[]): number | undefined {
  const loc = ['query', name];
  if (typeof text !== 'string' || !integerText.test(text)) {
    const msg = 'Input should be a valid integer, unable to parse string as an integer';
    issues.push({ type: 'int_parsing', loc, msg, input: text });
    return undefined;
  }
  const value = Number(text.trim().replaceAll('_', ''));
  if (Number.isFinite(value)) return value;
  const msg = 'Unable to parse input string as an integer, exceeded maximum size';
  issues.push({ type: 'int_parsing_size', loc, msg, input: text });
  return undefined;
}
