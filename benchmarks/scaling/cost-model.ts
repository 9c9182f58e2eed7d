// A cost model of data-parallel training: buckets of gradients, ring all-reduce, overlap with backward.

/** What joins the ranks. */
export interface Link {
  /** Bytes a second that every rank can send, while it receives as many. */
  readonly bytesPerSecond: number;
  /** Seconds of each message, whatever its size. */
  readonly latency: number;
}

/** Seconds of the parts of a step in one rank, without communication. */
export interface Compute {
  readonly forward: number;
  readonly backward: number;
  /** Drawing the batch, optimizer, average of the weights. */
  readonly rest: number;
}

/** What a step takes, in seconds. */
export interface StepCost {
  readonly compute: number;
  /** All-reduces of all buckets. */
  readonly communication: number;
  /** The part of communication after the end of the backward pass, for which the step waits. */
  readonly exposed: number;
  readonly step: number;
}

/** Bytes at which DistributedDataParallel closes its first bucket, and each later one. */
const FIRST_BUCKET = 2 ** 20;
const BUCKET = 25 * 2 ** 20;

/**
 * The buckets of gradients in the order of the backward pass, in bytes: a bucket is closed by the parameter that brings
 * it to its size.
 *
 * @param parameters bytes of each parameter's gradient, in the order of the backward pass
 */
export function bucketsOf(parameters: readonly number[]): number[] {
  const buckets: number[] = [];
  let open = 0;
  for (const bytes of parameters) {
    open += bytes;
    if (open < (buckets.length === 0 ? FIRST_BUCKET : BUCKET)) continue;
    buckets.push(open);
    open = 0;
  }
  if (open > 0) buckets.push(open);
  return buckets;
}

/** Bytes that each rank sends in a ring all-reduce: `2 (N − 1) / N` of what is reduced. */
export function ringBytes(bytes: number, ranks: number): number {
  return (2 * (ranks - 1) * bytes) / ranks;
}

/** Seconds of a ring all-reduce: `2 (N − 1)` messages of one N-th each, one after the other. */
export function ringSeconds(bytes: number, ranks: number, link: Link): number {
  return ringBytes(bytes, ranks) / link.bytesPerSecond + 2 * (ranks - 1) * link.latency;
}

/** The largest segment of gloo in bytes, and how many are on their way at once. */
const SEGMENT = 2 ** 20;
const IN_FLIGHT = 2;

/**
 * Seconds of gloo's ring all-reduce. It cuts each rank's piece into segments of at most 1 MiB, two at least. A segment
 * is asked for before it is sent, so it takes two latencies beside its bytes; two are on their way at once.
 */
export function glooSeconds(bytes: number, ranks: number, link: Link): number {
  const segments = Math.max(Math.ceil(bytes / SEGMENT), IN_FLIGHT * ranks);
  const each = Math.ceil(segments / ranks);
  const sending = bytes / (each * ranks) / link.bytesPerSecond;
  const turn = Math.max(sending, (sending + 2 * link.latency) / IN_FLIGHT);
  return 2 * (ranks - 1) * each * turn;
}

/**
 * A step of data-parallel training. A bucket is ready when the backward pass has gone through as large a share of its
 * time as of the bytes. Buckets are reduced one after the other, each from when it is ready.
 *
 * @param buckets in bytes, in the order of the backward pass
 * @param allReduce seconds of an all-reduce (default: `ringSeconds`)
 */
export function stepCost(
  { forward, backward, rest }: Compute,
  buckets: readonly number[],
  ranks: number,
  link: Link,
  allReduce: typeof ringSeconds = ringSeconds,
): StepCost {
  const all = buckets.reduce((sum, bytes) => sum + bytes, 0);
  let [done, free, communication] = [0, 0, 0];
  for (const bytes of buckets) {
    done += bytes;
    const seconds = ranks === 1 ? 0 : allReduce(bytes, ranks, link);
    free = Math.max(free, (backward * done) / all) + seconds;
    communication += seconds;
  }
  const compute = forward + backward + rest;
  const exposed = Math.max(0, free - backward);
  return { compute, communication, exposed, step: compute + exposed };
}
