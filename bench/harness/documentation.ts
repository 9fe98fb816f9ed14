/** Puts results into docs/benchmarks.md, and their plots and figures beside it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { projectRoot } from '../../test/support/once.ts';
import { plots } from './plots.ts';
import type { Results } from './results.ts';
import { tables } from './tables.ts';

const page = join(projectRoot, 'docs', 'benchmarks.md');
const folder = join(projectRoot, 'docs', 'bench');
const figures = join(folder, 'results.json');

/** What a run writes stands between these; the words around it are written by hand. */
const begin = '<!-- results: written by npm run bench -->';
const end = '<!-- end of results -->';

/** @throws Error where docs/benchmarks.md has lost its marks */
export async function writeDocumentation(results: Results): Promise<void> {
  const pictures = plots(results);
  await mkdir(folder, { recursive: true });
  for (const [name, svg] of Object.entries(pictures)) await writeFile(join(folder, name), svg);
  await writeFile(figures, `${JSON.stringify(results, null, 2)}\n`);
  const images = Object.keys(pictures).map((name) => `![${name.replace('.svg', '')}](bench/${name})`);
  await writeFile(
    page,
    await withResults(await readFile(page, 'utf8'), [...images, tables(results)].join('\n\n')),
  );
}

/** What was kept last; nothing where there is none. */
export async function lastResults(): Promise<Partial<Results>> {
  try {
    return JSON.parse(await readFile(figures, 'utf8')) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

async function withResults(text: string, results: string): Promise<string> {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md needs the lines ${begin} and ${end}`);
  const whole = `${text.slice(0, from)}${begin}\n\n${results}\n\n${text.slice(to)}`;
  return format(whole, { ...(await resolveConfig(page)), filepath: page });
}
