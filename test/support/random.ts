/** Random choices that a seed repeats. */
export interface Random {
  /** An integer from 0 up to, without, `limit`. */
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
}

/** The generator mulberry32: 32 bits of state, good enough to choose test inputs. */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: <T>(from: readonly T[]): T => from[below(from.length)] as T };
}

/** Seeds to try: those of the environment variable SEED, or `count` new ones. */
export function chooseSeeds(count: number): number[] {
  const given = process.env['SEED'];
  if (given !== undefined) return given.split(',').map(Number);
  return Array.from({ length: count }, () => Math.floor(Math.random() * 2 ** 32));
}

/** Runs `work` and names the seed where it fails. */
export async function withSeed(seed: number, work: (random: Random) => Promise<void>): Promise<void> {
  try {
    await work(createRandom(seed));
  } catch (error) {
    throw new Error(`Failed with SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
