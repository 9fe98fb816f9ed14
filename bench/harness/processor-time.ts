/** Processor time of other processes, from Linux's /proc. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** USER_HZ, which is 100 on every Linux platform that Node runs on. */
const ticksPerSecond = 100;

const pollMs = 50;
const restTimeoutMs = 20_000;

/** Seconds of processor time that the processes have used, all their threads included. */
export async function processorSeconds(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(ticks));
  return each.reduce((sum, value) => sum + value, 0) / ticksPerSecond;
}

async function ticks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch((error: unknown) => {
    throw new Error('The benchmark reads processor times from /proc, so it runs on Linux', { cause: error });
  });
  // Behind the program's name, which may hold spaces: fields 14 and 15 of proc(5), utime and stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until the processes have at most one tick of work in 50 ms. Rejects when they do not come to rest within 20 s. */
export async function untilAtRest(pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + restTimeoutMs;
  let before = await processorSeconds(pids);
  while (performance.now() < deadline) {
    await delay(pollMs);
    const now = await processorSeconds(pids);
    if (now - before <= 1.5 / ticksPerSecond) return;
    before = now;
  }
  throw new Error(`A server still works ${restTimeoutMs / 1000} s after its last reply`);
}
