/** How far a long work has come, shown on stderr where that is a terminal. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number, of: number, doing: string): void;
  stop(): void;
}

export function progressBar(): Progress {
  const format = '{doing} [{bar}] {percentage}% | {value}/{total} | {eta_formatted} left';
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic);
  let started = false;
  return {
    update: (done, of, doing) => {
      if (!started) bar.start(of, done, { doing });
      started = true;
      bar.setTotal(of);
      bar.update(done, { doing });
    },
    stop: () => {
      if (started) bar.stop();
    },
  };
}
