/** Medians, and ratios of what was measured side by side. */

/** The value at a share of the sorted values, between neighbours in proportion; NaN where there are none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A ratio of two contestants over the rounds, each round's values divided by one another. */
export interface Ratio {
  median: number;
  /** First and third quartile. */
  low: number;
  high: number;
}

/** @param above,below values by round, in the same order */
export function pairedRatio(above: readonly number[], below: readonly number[]): Ratio {
  const ratios = above.map((value, round) => value / (below[round] ?? Number.NaN));
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}
