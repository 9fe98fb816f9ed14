/** Clients that start runs and give commands at random, each in turns of its own. */
import { randomUUID } from 'node:crypto';
import { finalStatuses, type Command } from '@madsci-ts/protocol';
import type { Asked } from './ledger.ts';
import type { Random } from './random.ts';

/** Most chances for pause and continue, so that runs live a while. */
const commandDeck: readonly Command[] = [
  ...Array.from({ length: 12 }, () => ['pause', 'continue'] as const).flat(),
  'end',
  'end',
  'fail',
  'cancel',
];

const quoted = (value: unknown) => JSON.stringify(value);

export function newStart(withKey: boolean): Asked {
  const token = randomUUID();
  const body = quoted({
    run_name: token,
    experiment_design: { experiment_name: 'crash' },
    parameters: { volume: 1 },
  });
  return { token, command: 'start', path: '/experiment', body, ...(withKey ? { key: `key-${token}` } : {}) };
}

export function newCommand(random: Random, id: string, withKey: boolean): Asked {
  const token = randomUUID();
  const command = random.pick(commandDeck);
  const query = command === 'end' && random.below(2) === 0 ? `?status=${random.pick(finalStatuses)}` : '';
  const path = `/experiment/${id}/${command}${query}`;
  const body = quoted({ reason: token });
  return { token, command, path, body, id, ...(withKey ? { key: `key-${token}` } : {}) };
}

function newEdit(id: string, withKey: boolean): Asked {
  const token = randomUUID();
  const body = quoted({ notes: token, reason: token });
  const path = `/experiment/${id}`;
  return { token, command: 'edit', path, body, id, ...(withKey ? { key: `key-${token}` } : {}) };
}

/** A start, a command or an edit, of one of these runs. */
export function randomRequest(random: Random, ids: readonly string[]): Asked {
  const withKey = random.below(2) === 0;
  const chance = random.below(100);
  if (ids.length === 0 || chance < 15) return newStart(withKey);
  const id = random.pick(ids);
  return chance < 25 ? newEdit(id, withKey) : newCommand(random, id, withKey);
}
