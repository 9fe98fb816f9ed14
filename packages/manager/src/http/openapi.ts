/** The OpenAPI document, made of the protocol's routes: nothing in it is written by hand a second time. */
import type { TSchema } from 'typebox';
import { otherReplies, rawNumber, routes, type Route } from '@madsci-ts/protocol';

type Json = Record<string, unknown>;

const descriptions: Record<number, string> = {
  200: 'Done',
  400: 'The body cannot be read',
  403: 'A web page of another site asked for a change',
  404: 'Not found',
  408: 'The request did not arrive whole in time',
  409: 'The state of the run does not allow it',
  413: 'The body is too large',
  422: 'The request does not fit its schema',
  429: 'Too many requests from this address',
  431: 'The headers are too large',
  500: 'A fault of the manager; the body names the request in its log',
  503: 'The manager is starting or stopping, or its database cannot be used',
};

const integerHeader = (description: string): Json => ({ description, schema: { type: 'integer' } });

/** There for addresses that are not exempt from the rate limit. */
const rateHeaders: Json = {
  'x-ratelimit-limit': integerHeader('Requests allowed in the long window'),
  'x-ratelimit-remaining': integerHeader('Requests left in the long window'),
  'x-ratelimit-reset': integerHeader('When the long window ends, seconds since 1970'),
  'x-ratelimit-burst-limit': integerHeader('Requests allowed in the burst window'),
  'x-ratelimit-burst-remaining': integerHeader('Requests left in the burst window'),
};

const requestIdHeader: Json = {
  'x-request-id': { description: 'Names the request in the log of the manager', schema: { type: 'string' } },
};
const retryHeader: Json = { 'retry-after': integerHeader('Seconds to wait before trying again') };
const linkHeader: Json = {
  link: { description: 'The next page: `<path?cursor=...>; rel="next"`', schema: { type: 'string' } },
};

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same key and request again get the first reply; another request with it gets 422',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
};

/** JSON Schema of a TypeBox schema; titled objects become components. */
function schemaOf(schema: TSchema, components: Json): Json {
  const plain = JSON.parse(JSON.stringify(schema)) as Json;
  return lift(plain, components) as Json;
}

function lift(value: unknown, components: Json): unknown {
  if (Array.isArray(value)) return value.map((one) => lift(one, components));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([name]) => !name.startsWith('x-'))
    .map(([name, one]) => [name, lift(one, components)] as const);
  const lifted: Json = bounded(maps(tuples(Object.fromEntries(entries))));
  const { title } = lifted;
  if (typeof title !== 'string' || lifted['type'] !== 'object') return lifted;
  components[title] = lifted;
  return { $ref: `#/components/schemas/${title}` };
}

const int64 = { minimum: rawNumber('-9223372036854775808'), maximum: rawNumber('9223372036854775807') };

/** No integer is larger than 64 bits. */
function bounded(schema: Json): Json {
  return [schema['type']].flat().includes('integer') ? { ...int64, ...schema } : schema;
}

/** What TypeBox makes of an object with any names; its pattern leaves out names with a line break. */
function maps(schema: Json): Json {
  const { patternProperties, ...rest } = schema;
  const values = (patternProperties as Json | undefined)?.['^.*$'];
  return values === undefined ? schema : { ...rest, additionalProperties: values };
}

/** JSON Schema 2020-12 lists a tuple's items under `prefixItems`. */
function tuples(schema: Json): Json {
  if (!Array.isArray(schema['items'])) return schema;
  const { items, additionalItems: _none, ...rest } = schema;
  return { ...rest, prefixItems: items, items: false };
}

function content(schema: TSchema | string, components: Json): Json {
  if (typeof schema === 'string') return { [schema]: { schema: { type: 'string' } } };
  return { 'application/json': { schema: schemaOf(schema, components) } };
}

function replyOf(status: number, route: Route, schema: TSchema | string, components: Json): Json {
  const headers: Json = { ...requestIdHeader, ...rateHeaders };
  if (status === 200 && route.paged === true) Object.assign(headers, linkHeader);
  if (status === 429 || status === 503) Object.assign(headers, retryHeader);
  return { description: descriptions[status], headers, content: content(schema, components) };
}

function parametersOf(route: Route, components: Json): Json[] {
  const parameters: Json[] = [];
  if (route.param !== undefined) {
    parameters.push({
      name: 'id',
      in: 'path',
      required: true,
      description: route.param,
      schema: { type: 'string', minLength: 1 },
    });
  }
  for (const [name, schema] of Object.entries(route.query?.properties ?? {})) {
    parameters.push({ name, in: 'query', required: false, schema: schemaOf(schema, components) });
  }
  if (route.idempotent === true) parameters.push(idempotencyKey);
  return parameters;
}

function operationOf(name: string, route: Route, components: Json): Json {
  const responses: Json = { 200: replyOf(200, route, route.reply, components) };
  for (const [status, schema] of Object.entries(otherReplies(route))) {
    responses[status] = replyOf(Number(status), route, schema, components);
  }
  const operation: Json = {
    operationId: name,
    summary: route.summary,
    parameters: parametersOf(route, components),
    responses,
  };
  if (route.body !== undefined) {
    const required = route.bodyOptional !== true;
    operation['requestBody'] = { required, content: content(route.body, components) };
  }
  return operation;
}

/** OpenAPI 3.1, whose schemas are JSON Schema 2020-12. */
export function openApiDocument(title: string, version: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    const path = route.path.replace(':id', '{id}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(name, route, components) };
  }
  return { openapi: '3.1.0', info: { title, version }, paths, components: { schemas: components } };
}
