import type { Row } from '../../benchmarks/compare/result.ts';

/** A row of one work for tests; `null` for a contender without a time. */
export function rowOf(
  contender: string,
  threads: number,
  medianMs: number | null,
  more: Partial<Row> = {},
): Row {
  const times = { medianMs, minMs: medianMs, maxMs: medianMs };
  return { work: 'add', contender, threads, ...times, gflops: null, rssMB: 60, note: '', ...more };
}
