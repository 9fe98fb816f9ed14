import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runCommand } from './support/command.ts';
import { startMadsci } from './support/madsci-server.ts';
import { startManager } from './support/manager.ts';
import { projectRoot } from './support/once.ts';
import { ensureVenv } from './support/python.ts';
import type { MadsciVersion } from './support/python.ts';

const driveTimeoutMs = 120_000;
// The clients write times without a zone too: a zone other than UTC shows which clock they are read by.
const laboratoryZone = 'America/Chicago';

type Mode = 'sync' | 'async';
type Step = Record<string, unknown>;
interface Drive {
  client: string;
  mode: string;
  steps: Record<string, Step>;
}

/** Runs a driver with the real Python client; rejects with Python's own words when a reply was not as it should be. */
async function drive(version: MadsciVersion, mode: Mode, url: string, flags: string[] = []): Promise<Drive> {
  const { python } = await ensureVenv(version);
  const home = await mkdtemp(join(tmpdir(), 'python-client-'));
  const script = join(projectRoot, 'test', 'python', `drive_${mode}.py`);
  try {
    const env = { PATH: process.env.PATH, HOME: home, TZ: laboratoryZone, PYTHONDONTWRITEBYTECODE: '1' };
    const output = await runCommand(python, [script, url, ...flags], {
      cwd: home,
      env,
      timeoutMs: driveTimeoutMs,
    });
    return JSON.parse(output) as Drive;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function driveOurs(version: MadsciVersion, mode: Mode, naive = false): Promise<Drive> {
  const env = { TZ: laboratoryZone, ...(naive && { EXPERIMENT_NAIVE_TIMES: 'true' }) };
  const manager = await startManager({ env });
  try {
    return await drive(version, mode, manager.url, naive ? ['--naive-times'] : []);
  } finally {
    await manager.stop();
  }
}

async function driveMadsci(version: MadsciVersion, mode: Mode): Promise<Drive> {
  const madsci = await startMadsci({ version, env: { TZ: laboratoryZone } });
  try {
    return await drive(version, mode, madsci.url, ['--madsci']);
  } finally {
    await madsci.stop();
  }
}

const refused = (status_code: number, rest: Step): Step => ({ status_code, ...rest });
const afterEnd = refused(409, { status: 'completed' });
const unknownRun = refused(404, { detail: 'Experiment not found' });

/** What must have come back, step by step, as far as it does not depend on ids and the clock. */
const expectedSteps: Record<string, Step> = {
  start: { status: 'in_progress', run_name: 'run 1', run_description: 'the first run', ended_at: null },
  start_plain: { status: 'in_progress', run_name: null, run_description: null, ended_at: null },
  get: { status: 'in_progress', run_name: 'run 1' },
  continue_running: { status: 'in_progress' },
  pause: { status: 'paused' },
  pause_again: { status: 'paused' },
  continue: { status: 'in_progress' },
  end: { status: 'completed' },
  pause_experiment_after_end: afterEnd,
  continue_experiment_after_end: afterEnd,
  cancel_experiment_after_end: afterEnd,
  end_completed: { status: 'completed' },
  end_failed: { status: 'failed' },
  end_cancelled: { status: 'cancelled' },
  cancel: { status: 'cancelled' },
  list: { usual: 10, three: 3 },
  get_experiment_unknown: unknownRun,
  pause_experiment_unknown: unknownRun,
  continue_experiment_unknown: unknownRun,
  cancel_experiment_unknown: unknownRun,
  end_experiment_unknown: unknownRun,
  campaign: { campaign_name: 'Campaign', campaign_description: 'of the test', ended_at: null },
  campaign_bare: { campaign_name: 'Without runs', experiment_ids: null },
  get_campaign_unknown: { status_code: 404 },
};

function assertSteps({ client, mode, steps }: Drive, version: MadsciVersion, expectedMode: Mode): void {
  assert.deepEqual({ client, mode }, { client: version, mode: expectedMode });
  const expected = { ...expectedSteps, ...(version === '0.8.1' && { campaigns: { count: 2 } }) };
  assert.deepEqual(Object.keys(steps).toSorted(), Object.keys(expected).toSorted());
  for (const [name, fields] of Object.entries(expected)) {
    assert.partialDeepStrictEqual(steps[name], fields, `step ${name}`);
  }
}

const ulid = /\b[0-9A-HJKMNP-TV-Z]{26}\b/g;
const time = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?/g;

/** Ids and moments differ from run to run, and MADSci's times have no zone. */
function withoutIdsAndTimes(step: Step | undefined): unknown {
  return JSON.parse(
    JSON.stringify(step ?? null)
      .replaceAll(ulid, '<ulid>')
      .replaceAll(time, '<time>'),
  );
}

/** Steps in which MADSci errs, or that it does not have. */
const oursAlone = ['end_failed', 'end_cancelled', 'cancel', 'campaign', 'after_end'];

function assertSameAsMadsci(ours: Drive, madsci: Drive): void {
  const isShared = (name: string): boolean => !oursAlone.some((text) => name.includes(text));
  const shared = Object.keys(ours.steps).filter(isShared);
  assert.deepEqual(shared, Object.keys(madsci.steps).filter(isShared));
  for (const name of shared) {
    assert.deepEqual(
      withoutIdsAndTimes(ours.steps[name]),
      withoutIdsAndTimes(madsci.steps[name]),
      `step ${name}`,
    );
  }
}

const clients: [MadsciVersion, Mode][] = [
  ['0.6.1', 'sync'],
  ['0.8.1', 'sync'],
  ['0.8.1', 'async'],
];

describe('the real Python clients', () => {
  for (const [version, mode] of clients) {
    test(`madsci.client ${version}, ${mode}: every method works and shows what MADSci's own server shows`, async () => {
      const ours = await driveOurs(version, mode);
      assertSteps(ours, version, mode);
      assertSameAsMadsci(ours, await driveMadsci(version, mode));
    });
  }

  test("madsci.client 0.6.1 gets MADSci's local times without a zone where the setting naive_times asks for it", async () => {
    const { steps } = await driveOurs('0.6.1', 'sync', true);
    assert.match(String(steps.end?.started_at), /^[\d-]+T[\d:.]+$/);
  });
});
