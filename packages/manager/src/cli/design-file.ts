import { parseJson, rawNumber } from '@madsci-ts/protocol';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseDocument, visit } from 'yaml';
import { InputError } from './exit-codes.ts';

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Reads an experiment design from a YAML or JSON file, `-` for stdin. Numbers keep their spelling: 1.0 stays 1.0.
 *
 * @throws InputError where the file cannot be read or holds no object
 */
export async function readDesign(path: string): Promise<Record<string, unknown>> {
  const source = await readSource(path);
  const design = path.endsWith('.json') ? readJson(path, source) : readYaml(path, source);
  if (typeof design === 'object' && design !== null && !Array.isArray(design)) return { ...design };
  throw new InputError(`${path} must hold the fields of a design, such as experiment_name: Titration`);
}

async function readSource(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`The design file ${path} can't be read: ${reason}`, { cause: error });
  }
}

function readJson(path: string, source: string): unknown {
  try {
    return parseJson(source);
  } catch (error) {
    throw new InputError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function readYaml(path: string, source: string): unknown {
  const document = parseDocument(source, { version: '1.2' });
  const [fault] = document.errors;
  if (fault !== undefined) throw new InputError(`${path} is not YAML: ${fault.message.split('\n')[0]}`);
  visit(document, {
    Scalar(_key, node) {
      const spelled = node.source;
      if (typeof node.value !== 'number' || spelled === undefined || String(node.value) === spelled) return;
      if (jsonNumber.test(spelled)) node.value = rawNumber(spelled);
    },
  });
  return document.toJS();
}
