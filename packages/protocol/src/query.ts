/** Reads query parameters, which are texts, by their schema. A parameter given twice counts by its last value, as with FastAPI. */
import type { Static, TObject, TSchema } from 'typebox';
import { parse, type Issue, type Parsed } from './parse.ts';

/** What pydantic takes for an integer in a text: spaces around it, a sign, underscores between digits, a fraction of zeros. */
const integerText = /^\s*[+-]?\d+(?:_\d+)*(?:\.0*)?\s*$/;

export function parseQuery<T extends TObject>(schema: T, query: Record<string, unknown>): Parsed<Static<T>> {
  const issues: Issue[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const given = query[name];
    if (given === undefined) continue;
    const text: unknown = Array.isArray(given) ? given.at(-1) : given;
    values[name] = isInteger(property) ? readInteger(text, name, issues) : text;
  }
  if (issues.length > 0) return { ok: false, issues };
  return parse(schema, values, ['query']);
}

function isInteger(schema: TSchema): boolean {
  return 'type' in schema && schema.type === 'integer';
}

function readInteger(text: unknown, name: string, issues: Issue[]): number | undefined {
  if (typeof text === 'string' && integerText.test(text)) return Number(text.trim().replaceAll('_', ''));
  issues.push({
    type: 'int_parsing',
    loc: ['query', name],
    msg: 'Input should be a valid integer, unable to parse string as an integer',
    input: text,
  });
  return undefined;
}
