/** Takes a sentence on what is going on. */
export type Progress = (sentence: string) => void;

/** Writes to standard error, with the seconds since the beginning; standard output is for results. */
export function createProgress(): Progress {
  const begin = performance.now();
  return (sentence) => {
    const seconds = Math.round((performance.now() - begin) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${sentence}\n`);
  };
}
