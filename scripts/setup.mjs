// Installs what a checkout needs, before anything else is installed: runs on whatever Node the machine has.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST_NODE_MAJOR = 24;
const root = fileURLToPath(new URL('..', import.meta.url));
const binFolder = join(root, 'node_modules', '.bin');
const onWindows = process.platform === 'win32';

function readLockedPackages(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages ?? {};
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** npm keeps what it installed in node_modules/.package-lock.json, without what this platform does not need. */
function isInstalled() {
  const wanted = readLockedPackages('package-lock.json');
  const present = readLockedPackages('node_modules/.package-lock.json');
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (!path.includes('node_modules/')) return true;
    const found = present[path];
    if (found === undefined) return optional === true;
    return found.version === version && found.integrity === integrity;
  });
}

function install() {
  console.log('Installing dependencies (npm ci) ...');
  // Without node_modules/.bin: npm must not run on the Node that it is about to replace.
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')) && !folder.startsWith(root + sep));
  const { status, stdout, stderr, error } = spawnSync('npm', ['ci', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: path.join(delimiter) },
    shell: onWindows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  // npm appends its whole manual to some errors.
  const output = `${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`.split('\n').slice(0, 30).join('\n');
  fail(`npm ci failed:\n${output}`);
}

function checkNode() {
  const { stdout, error } = spawnSync(join(binFolder, onWindows ? 'node.cmd' : 'node'), ['--version'], {
    encoding: 'utf8',
    shell: onWindows,
  });
  const found = stdout?.trim() || error?.message || 'nothing';
  if (Number(/^v(\d+)\./.exec(found)?.[1]) >= LEAST_NODE_MAJOR) return;
  fail(
    `node_modules/.bin/node must be Node ${LEAST_NODE_MAJOR} or newer, found ${found}. ` +
      'Delete node_modules and run `npm run setup` again; npm must be allowed to run the install script of the package "node".',
  );
}

/** What `npx madsci-experiments` runs. Server and tests run from the sources. */
function build() {
  console.log('Building the command line (tsc -b) ...');
  const program = join(binFolder, onWindows ? 'tsc.cmd' : 'tsc');
  const { status, stdout, error } = spawnSync(program, ['-b', 'packages/manager'], {
    cwd: root,
    encoding: 'utf8',
    shell: onWindows,
  });
  if (status !== 0) fail(`tsc -b failed:\n${error?.message ?? ''}${stdout ?? ''}`);
}

function fail(message) {
  console.error(message.trim());
  process.exit(1);
}

const installed = isInstalled();
if (!installed) install();
checkNode();
if (!installed || !existsSync(join(root, 'packages', 'manager', 'dist', 'main.js'))) build();
