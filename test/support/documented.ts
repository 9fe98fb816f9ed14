/** Compares replies with what /openapi.json says of them. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { RawReply } from './raw-http.ts';

interface Reply {
  headers?: Record<string, unknown>;
  content?: Record<string, unknown>;
}

interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, Reply> }>>;
}

export interface DocumentCheck {
  /** What is wrong with the reply; empty where it is as documented, or the path is not documented at all. */
  faults(method: string, path: string, reply: RawReply): string[];
}

const escapePointer = (text: string) => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
const transport = new Set(['content-type', 'content-length', 'date', 'connection', 'keep-alive', 'vary']);

/** Asks the manager at `url` for its document. */
export async function loadDocument(url: string): Promise<DocumentCheck> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');
  const templates = Object.keys(document.paths).map((template) => ({
    template,
    pattern: new RegExp(`^${template.replace('{id}', '[^/]+')}$`),
  }));

  function schemaFaults(pointer: string[], reply: RawReply): string[] {
    const validate: ValidateFunction | undefined = ajv.getSchema(
      `openapi#/${pointer.map(escapePointer).join('/')}`,
    );
    if (validate === undefined) return [`/openapi.json has no ${pointer.join(' ')}`];
    return validate(JSON.parse(reply.text)) ? [] : [ajv.errorsText(validate.errors)];
  }

  function faults(method: string, path: string, reply: RawReply): string[] {
    // A request that is no HTTP belongs to no operation.
    if (reply.text === 'Invalid HTTP request received.') return [];
    const plain = (path.split('?')[0] ?? '').replace(/([^/])\/$/, '$1');
    const template = templates.find(({ pattern }) => pattern.test(plain))?.template ?? '';
    const verb = method.toLowerCase();
    const documented = document.paths[template]?.[verb]?.responses[String(reply.status)];
    if (document.paths[template]?.[verb] === undefined) return [];
    if (documented === undefined) return [`${method} ${template} does not document a ${reply.status}`];
    const media = (reply.headers['content-type'] ?? '').split(';')[0] ?? '';
    const type = Object.keys(documented.content ?? {}).find((name) => name.split(';')[0] === media);
    if (type === undefined) return [`${method} ${template} does not document ${media}`];
    const extra = Object.keys(reply.headers)
      .filter((name) => !transport.has(name) && !name.startsWith('access-control-'))
      .filter((name) => documented.headers?.[name] === undefined)
      .map((name) => `${method} ${template} does not document the header ${name}`);
    if (media !== 'application/json') return extra;
    const pointer = ['paths', template, verb, 'responses', String(reply.status), 'content', type, 'schema'];
    return [...extra, ...schemaFaults(pointer, reply)];
  }

  return { faults };
}
