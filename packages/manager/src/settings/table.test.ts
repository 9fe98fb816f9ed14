import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { contextDefinitions, definitions } from './definitions.ts';
import { loadSettings } from './load.ts';
import { redactUrl } from './redact.ts';
import { redactedSettings, settingsMarkdown, settingsTable } from './table.ts';

test('every default is a value of its own type in its canonical form', () => {
  for (const [name, definition] of Object.entries({ ...definitions, ...contextDefinitions })) {
    assert.deepEqual(definition.type.parse(definition.default), definition.default, name);
  }
});

test('the Markdown table has a row for every setting', () => {
  const markdown = settingsMarkdown();
  assert.equal(settingsTable.length, Object.keys({ ...definitions, ...contextDefinitions }).length);
  for (const { name, environment } of settingsTable)
    assert.ok(markdown.includes(`| \`${name}\` | \`${environment}\` |`));
});

test('replied settings hold every value and no secret', () => {
  const env = {
    EXPERIMENT_DB_URL: 'mongodb://ann:pa/ss@a:1,b:2/x?replicaSet=rs&tlsCertificateKeyFilePassword=hidden',
    EVENT_SERVER_URL: 'http://ann:pass@events:8001',
  };
  const reply = redactedSettings(loadSettings({ env, cwd: tmpdir() }).settings);
  assert.deepEqual(Object.keys(reply), [...Object.keys(definitions), 'context']);
  assert.equal(
    reply['db_url'],
    'mongodb://***REDACTED***@a:1,b:2/x?replicaSet=rs&tlsCertificateKeyFilePassword=***REDACTED***',
  );
  assert.equal(reply['max_body_bytes'], 10_485_760);
  assert.equal(
    JSON.stringify(reply['context']).includes('"event_server_url":"http://***REDACTED***@events:8001/"'),
    true,
  );
  assert.doesNotMatch(JSON.stringify(reply), /pass|pa\/ss|hidden|ann/);
});

test('a URL without a user, and a path, stay as they are', () => {
  for (const url of [
    'http://localhost:8002/',
    'sqlite:/data/runs@home.db',
    'mongodb://db:27017/?replicaSet=rs',
    null,
  ]) {
    assert.equal(redactUrl(url), url);
  }
});
