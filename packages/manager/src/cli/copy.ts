/** Carries runs from one database into another one: how a laboratory outgrows SQLite, or leaves MongoDB. */
import type { Command } from 'commander';
import type { ArchivePlace } from '../app.ts';
import { copyStore, undeliveredWindowMs, type CopyProgress, type CopyResult } from '../copy/copy.ts';
import { loadSettings, parseStore, redactUrl } from '../settings/index.ts';
import { InputError } from './exit-codes.ts';
import { printJson, printTable, note } from './output.ts';
import { progressBar } from './progress.ts';
import { withExamples } from './shared.ts';

interface CopyFlags {
  from?: string;
  to?: string;
  fromDatabase?: string;
  toDatabase?: string;
  fromCollection?: string;
  toCollection?: string;
  json?: boolean;
}

const kindNames: Record<keyof CopyResult['records'], string> = {
  run: 'runs',
  history: 'history entries',
  once: 'outcomes kept for Idempotency-Keys',
  event: 'events that wait for the Event Manager',
  campaign: 'campaigns',
};

const endings: Record<CopyResult['was'], string> = {
  new: 'Copied and checked: counts and checksums of source and target are equal.',
  resumed:
    'The unfinished copy is completed and checked: counts and checksums of source and target are equal.',
  equal: 'Nothing to do: the target was an equal copy already, checked by counts and checksums.',
};

export function addCopyCommand(program: Command) {
  withExamples(program, 'copy', 'Copy all runs with their history from one database into an empty one', [
    'copy --from sqlite:.madsci/experiments.db --to mongodb://db.example.org:27017',
    'copy --to sqlite:/var/lib/lab/experiments.db    # from the db_url of the settings',
  ])
    .option('--from <url>', 'the database with the runs (default: db_url of the settings)')
    .option('--to <url>', 'the database to fill (default: db_url of the settings)')
    .option(
      '--from-database <name>',
      'database, where it is MongoDB (default: database_name of the settings)',
    )
    .option('--to-database <name>', 'the same for the target')
    .option('--from-collection <name>', 'collection of the runs (default: collection_name of the settings)')
    .option('--to-collection <name>', 'the same for the target')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Stop every manager that uses either database first. A copy that was interrupted is completed by the same command; until then no
manager starts on the target. A password belongs into the settings (db_url) rather than on the command line, where others see it.`,
    )
    .action(copy);
}

async function copy(flags: CopyFlags) {
  const { from, to } = places(flags);
  // Only this command and serve need the drivers.
  const { openArchive } = await import('../app.ts');
  const bar = progressBar();
  await using stack = new AsyncDisposableStack();
  const open = async (place: ArchivePlace) => {
    const archive = await openArchive(place);
    stack.defer(() => archive.close());
    return { archive, name: nameOf(place) };
  };
  const source = await open(from);
  const target = await open(to);
  const onProgress = ({ phase, done, of }: CopyProgress) =>
    bar.update(done, of, phase === 'copy' ? 'copying' : 'checking');
  const result = await copyStore({ source, target, onProgress }).finally(() => bar.stop());
  report(result, { from: source.name, to: target.name }, flags.json === true);
}

function places(flags: CopyFlags): { from: ArchivePlace; to: ArchivePlace } {
  const { settings } = loadSettings();
  if (flags.from === undefined && flags.to === undefined) {
    throw new InputError('Give --from, --to or both: one of them may be the db_url of the settings.');
  }
  const undeliveredSince = Date.now() - undeliveredWindowMs;
  const place = (side: 'from' | 'to', url: string | undefined): ArchivePlace => ({
    store: url === undefined ? settings.store : parseStore(url, `--${side}`),
    database: flags[`${side}Database`] ?? settings.database_name,
    collection: flags[`${side}Collection`] ?? settings.collection_name,
    create: side === 'to',
    undeliveredSince,
  });
  const both = { from: place('from', flags.from), to: place('to', flags.to) };
  if (nameOf(both.from) !== nameOf(both.to)) return both;
  throw new InputError(`Source and target are the same: ${nameOf(both.from)}.`);
}

/** For people and for the mark of an unfinished copy: without secrets. */
function nameOf({ store, database, collection }: ArchivePlace): string {
  if (store.kind === 'sqlite') return `sqlite:${store.path}`;
  return `${String(redactUrl(store.url))} (database ${database}, collection ${collection})`;
}

function report(
  { was, records, runsByStatus }: CopyResult,
  names: { from: string; to: string },
  json: boolean,
) {
  if (json) return printJson({ ...names, was, records, runs_by_status: runsByStatus });
  const kinds = Object.keys(kindNames) as (keyof typeof kindNames)[];
  printTable(
    ['RECORDS', 'COUNT', 'SHA-256, IN ANY ORDER'],
    kinds.map((kind) => [kindNames[kind], String(records[kind].records), records[kind].sha256]),
  );
  note(endings[was]);
}
