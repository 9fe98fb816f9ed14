// Checks that every workspace package that is not private can be published: builds it and lets publint judge it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = fileURLToPath(new URL('..', import.meta.url));
const readPackage = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

execFileSync(join(root, 'node_modules/.bin/tsc'), ['-b'], { cwd: root, stdio: 'inherit' });

const published = readPackage('.').workspaces.filter((folder) => readPackage(folder).private !== true);
let problems = 0;
for (const folder of published) {
  const { messages, pkg } = await publint({ pkgDir: join(root, folder), level: 'warning', strict: true });
  for (const message of messages) console.error(`${pkg.name}: ${formatMessage(message, pkg)}`);
  problems += messages.length;
}
if (problems > 0) process.exit(1);
console.log(`publint: ${published.length} packages can be published`);
