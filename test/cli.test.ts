/** The command line against a real manager that it serves itself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Experiment } from '@madsci-ts/protocol';
import { createCli, servedCli, type Cli } from './support/cli.ts';
import { startManager } from './support/manager.ts';
import { findFreePort } from './support/server-process.ts';

const unknownId = '01KABC0000000000000000000A';

async function started(cli: Cli, ...args: string[]): Promise<Experiment> {
  const { stdout, stderr } = await cli.run(['start', '--name', 'Titration', '--json', ...args]);
  assert.equal(stderr, '');
  return JSON.parse(stdout) as Experiment;
}

test('a run is started, controlled, shown and listed', async (t) => {
  const cli = await servedCli(t);
  const options = ['--run-name', 'first', '--description', 'd', '--notes', 'n', '--tag', 'a', '--tag', 'b'];
  const run = await started(cli, ...options, '--parameter', 'ph=7.0', '--parameter', 'who=anna');
  const { _id: id, run_name, run_description, notes, tags } = run;
  assert.deepEqual([run_name, run_description, notes, tags], ['first', 'd', 'n', ['a', 'b']]);

  const paused = await cli.run(['pause', id, '--reason', 'tips']);
  assert.equal(paused.code, 0);
  assert.match(paused.stdout, /^Status +paused$[^]*^Reason +tips$[^]*^Parameters +ph = 7\.0\n +who = anna$/m);
  assert.equal((await cli.run(['continue', id])).code, 0);
  const ended = await cli.run(['end', id, '--status', 'failed', '--reason', 'no signal', '--json']);
  assert.equal((JSON.parse(ended.stdout) as Experiment).status, 'failed');
  const again = await cli.run(['end', id]);
  assert.deepEqual([again.code, again.stderr], [0, 'The run had ended before: it stays failed.\n']);

  const history = await cli.run(['history', id]);
  assert.match(
    history.stdout,
    /^1 .*start +in_progress[^]*^4 .*end +in_progress +failed .*no signal\n5 .*refused/m,
  );
  const table = await cli.run(['list', '--status', 'failed']);
  assert.match(
    table.stdout,
    new RegExp(`^ID +STATUS +EXPERIMENT .*\n${id} +failed +Titration +first +\\d{4}-`),
  );
  assert.ok(!table.stdout.includes('\u001B'));
  assert.doesNotMatch(table.stdout, / $/m);
  const watched = await cli.run(['watch', id, '--json']);
  const commands = watched.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { command: string }).command);
  assert.deepEqual(commands, ['start', 'pause', 'continue', 'end', 'end']);
});

test('pages are joined by --all, and --number says when there is more', async (t) => {
  const cli = await servedCli(t);
  const ids = [(await started(cli))._id, (await started(cli))._id, (await started(cli))._id].toReversed();
  const page = await cli.run(['list', '--number', '2']);
  assert.equal(page.stdout.trim().split('\n').length, 3);
  assert.match(page.stderr, /There are more/);
  const all = await cli.run(['list', '--all', '--json']);
  assert.deepEqual(
    (JSON.parse(all.stdout) as Experiment[]).map(({ _id }) => _id),
    ids,
  );
});

test('a design file keeps its numbers, in YAML, JSON and from stdin', async (t) => {
  const cli = await servedCli(t);
  const yaml = 'experiment_name: Titration\nmetadata: {ph: 7.0, big: 9007199254740993, hex: 0x10}\n';
  const json =
    '{"experiment_name": "Titration", "metadata": {"ph": 7.0, "big": 9007199254740993, "hex": 16}}';
  await writeFile(join(cli.folder, 'd.yaml'), yaml);
  await writeFile(join(cli.folder, 'd.json'), json);
  for (const file of ['d.yaml', 'd.json', '-']) {
    const { stdout } = await cli.run(['start', file, '--json'], { input: yaml });
    assert.match(stdout, /"ph": 7\.0,\s+"big": 9007199254740993,\s+"hex": 16/, file);
  }
});

test('text of others cannot steer the terminal', async (t) => {
  const cli = await servedCli(t);
  const { _id } = await started(cli, '--run-name', 'a\u001B[2Jb\nc');
  for (const args of [['list'], ['show', _id]]) {
    const { stdout } = await cli.run(args);
    assert.ok(!stdout.includes('\u001B'));
    assert.match(stdout, /a\uFFFD\[2Jb c/);
  }
});

test('watch without an id prints runs as they change, until it is stopped', async (t) => {
  const cli = await servedCli(t);
  const first = await started(cli);
  const child = cli.spawn(['watch', '--json', '--interval', '0.05']);
  const lines = (async function* () {
    let rest = '';
    for await (const chunk of child.stdout ?? []) {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop() ?? '';
      yield* parts.map((part) => JSON.parse(part) as Experiment);
    }
  })();
  const next = async () => {
    const { value } = await lines.next();
    return value === undefined ? [] : [value._id, value.status];
  };
  assert.deepEqual(await next(), [first._id, 'in_progress']);
  const second = await started(cli);
  assert.deepEqual(await next(), [second._id, 'in_progress']);
  await cli.run(['cancel', first._id]);
  assert.deepEqual(await next(), [first._id, 'cancelled']);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGINT']);
});

describe('exit codes', () => {
  test('of a running manager', async (t) => {
    const cli = await servedCli(t);
    const { _id: id } = await started(cli);
    await cli.run(['cancel', id]);
    await writeFile(join(cli.folder, 'bad.yaml'), 'experiment_name: [1]\n');
    await writeFile(join(cli.folder, 'list.yaml'), '- 1\n');
    const rows: [string[], number, RegExp][] = [
      [['health'], 0, /^$/],
      [['show', unknownId], 3, /^error: Experiment not found\nCheck the id and the URL\.\n$/],
      [['campaigns', unknownId], 3, /Campaign not found/],
      [['pause', id], 4, /^error: Cannot pause.*cancelled/],
      [['start', 'bad.yaml'], 1, /body\.experiment_design\.experiment_name: Input should be a valid string/],
      [['start', 'list.yaml'], 1, /^error: list\.yaml must hold the fields of a design/],
      [['start', 'none.yaml'], 1, /^error: The design file none\.yaml can't be read: ENOENT/],
      [['start', '--name', 'A', '--parameter', 'x'], 1, /must be name=value/],
      [['start'], 2, /give a design file or --name/],
    ];
    for (const [args, code, said] of rows) {
      const ended = await cli.run(args);
      assert.equal(ended.code, code, args.join(' ') + ended.stderr);
      assert.match(ended.stderr, said);
      assert.doesNotMatch(ended.stderr, /^ +at /m);
    }
  });
  test('without one', async (t) => {
    const cli = await createCli(t);
    const nobody = ['--url', `http://127.0.0.1:${await findFreePort()}`, '--timeout', '0.5'];
    const rows: [string[], number, RegExp][] = [
      [['list', ...nobody], 5, /ECONNREFUSED/],
      [
        ['start', '--name', 'A', '--idempotency-key', 'k7', ...nobody],
        5,
        /may or may not have been carried out.*k7/,
      ],
      [['lst'], 2, /Did you mean list\?/],
      [['list', '--statsu', 'failed'], 2, /Did you mean --status\?/],
      [['list', '--number', '0'], 2, /whole number from 1 to 10000/],
      [['list', '--status', 'x'], 2, /Allowed choices are in_progress/],
      [
        ['settings', '--server-url', 'nonsense'],
        1,
        /^error: server_url is "nonsense" \(command line\), but must be/,
      ],
      [['list', '--url', 'localhost:8002'], 1, /^error: url must begin with http/],
    ];
    for (const [args, code, said] of rows) {
      const ended = await cli.run(args);
      assert.equal(ended.code, code, args.join(' ') + ended.stderr);
      assert.match(ended.stderr, said);
      assert.equal(ended.stdout, '');
      assert.doesNotMatch(ended.stderr, /^ +at /m);
    }
  });
});

test('every command explains itself with examples, and the shell can complete it', async (t) => {
  const cli = await createCli(t);
  const { stdout, code } = await cli.run(['--help']);
  assert.equal(code, 0);
  assert.match(stdout, /Exit codes:\n +0 +done[^]*5 +no answer/);
  const names = [...stdout.matchAll(/^ {2}(\w+) .*(?:\[options\])/gm)].map((match) => match[1] ?? '');
  assert.ok(names.length >= 14, names.join());
  for (const name of names.filter((one) => one !== 'completion')) {
    const help = await cli.run([name, '--help']);
    assert.match(help.stdout, new RegExp(`Examples:\\n +\\$ madsci-experiments ${name}`));
  }
  const completed = await cli.run(['complete', '--', 'list', '--status', '']);
  assert.match(completed.stdout, /^paused/m);
  assert.match((await cli.run(['completion', 'bash'])).stdout, /madsci-experiments/);
});

test('settings tells values and where they come from, without secrets', async (t) => {
  const cli = await createCli(t);
  await writeFile(join(cli.folder, 'settings.yaml'), 'rate_limit_requests: 7\n');
  const env = { EXPERIMENT_DB_URL: 'mongodb://me:hush@db:27017', EXPERIMENT_SERVER_ULR: 'x' };
  const { stdout, stderr } = await cli.run(['settings', '--json', '--max-body-bytes', '5000'], { env });
  const rows = JSON.parse(stdout) as { name: string; value: unknown; origin: string }[];
  const by = (name: string) =>
    rows.filter((row) => row.name === name).map(({ value, origin }) => [value, origin])[0];
  assert.deepEqual(by('rate_limit_requests'), [7, 'settings.yaml']);
  assert.deepEqual(by('max_body_bytes'), [5000, 'command line']);
  assert.deepEqual(by('rate_limit_enabled'), [true, 'default']);
  assert.match(String(by('db_url')?.[1]), /environment/);
  assert.doesNotMatch(stdout, /hush/);
  assert.match(stderr, /warning: .*EXPERIMENT_SERVER_ULR/i);
  assert.match((await cli.run(['settings'], { env })).stdout, /^rate_limit_requests +7 +settings\.yaml$/m);
});

test('serve stops in order on the first signal, and keeps what it acknowledged', async (t) => {
  const cli = await createCli(t);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const first = await startManager({ dataDir: cli.folder });
    t.after(() => first[Symbol.asyncDispose]());
    const run = await started({ ...cli, run: (args) => cli.run([...args, '--url', first.url]) });
    const stopped = first.stop(signal);
    // As npm does: the terminal signals the whole group, and npm passes its own on.
    process.kill(first.pid, signal);
    const { code, stderr } = await stopped;
    assert.equal(code, 0);
    assert.match(stderr, /has stopped/);
    await using second = await startManager({ dataDir: cli.folder });
    assert.equal((await cli.run(['show', run._id, '--url', second.url])).code, 0);
  }
});

test('serve ends at once on a second signal, though a request is still coming in', async (t) => {
  const manager = await startManager();
  t.after(() => manager[Symbol.asyncDispose]());
  const socket = connect(Number(new URL(manager.url).port), '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  // Its "100 Continue" tells that the manager has the head of the request; the body never comes.
  const head = [
    'POST /experiment HTTP/1.1',
    'host: localhost',
    'content-type: application/json',
    'content-length: 9',
    'expect: 100-continue',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  const ended = manager.stop('SIGINT');
  const repeat = setInterval(() => process.kill(manager.pid, 'SIGINT'), 100);
  t.after(() => clearInterval(repeat));
  const { code, stderr } = await ended.finally(() => clearInterval(repeat));
  assert.equal(code, 130);
  assert.match(stderr, /is stopping/);
  assert.doesNotMatch(stderr, /has stopped/);
});

test('serve says in one sentence why it cannot start', async (t) => {
  const cli = await servedCli(t);
  await writeFile(join(cli.folder, 'bad.yaml'), 'name: [unclosed\n');
  const rows: [string[], RegExp][] = [
    [['--server-url', cli.manager.url], /^error: The address 127\.0\.0\.1:\d+ is taken.*$/],
    [['--max-body-bytes', 'many'], /^error: max_body_bytes is "many" \(command line\), but must be .*$/],
    [['--manager-definition', 'bad.yaml'], /^error: .*bad\.yaml.*$/],
    [['--server-url', 'http://127.0.0.1:0', '--db-url', 'sqlite:bad.yaml'], /^error: .*bad\.yaml.*$/],
  ];
  for (const [args, said] of rows) {
    const ended = await cli.run(['serve', ...args]);
    assert.equal(ended.code, 1, ended.stderr);
    const words = ended.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    assert.equal(words.length, 1, ended.stderr);
    assert.match(words.join(), said);
  }
});
