// expectNoLeak: calls a function again and again, and fails if ever more tensors stay alive.

import { checkFunction, checkOptions, kindOf } from '../arguments.ts';
import { canCollect } from '../backends/collector.ts';
import { defaultBackend } from '../backends/default-backend.ts';
import { StateError, TesseraError, ValueError } from '../errors.ts';
import { Census, type Counts } from './census.ts';

/** Options of {@link expectNoLeak}. */
export interface LeakOptions {
  /** Calls after each of which a leak would keep something; they are made twice, or three times. Default 10. */
  readonly calls?: number;
  /** Calls before, in which plans are made and caches are filled. Default 3. */
  readonly warmUp?: number;
}

/**
 * The error of {@link expectNoLeak}: what the second half of the calls left behind.
 *
 * @example
 * const kept: Tensor[] = [];
 * const x = tensor([1, 2, 3, 4]);
 * const f = () => kept.push(x.mul(2));
 * const leak: unknown = await expectNoLeak(f, { calls: 4 }).catch((error: unknown) => error);
 * if (!(leak instanceof LeakError)) throw leak;
 * leak.tensors; // 4: one a call
 */
export class LeakError extends TesseraError {
  static override readonly name: string = 'LeakError';
  /** How many more tensors are alive. */
  readonly tensors: number;
  /** The bytes of their elements. */
  readonly bytes: number;

  constructor(calls: number, before: Counts, after: Counts) {
    const grown = [...after].flatMap(([kind, { count, bytes }]) => {
      const known = before.get(kind) ?? { count: 0, bytes: 0 };
      return count > known.count
        ? [{ kind, count: count - known.count, bytes: bytes - known.bytes }]
        : [];
    });
    const tensors = totalOf(after) - totalOf(before);
    const bytes = grown.reduce((sum, each) => sum + each.bytes, 0);
    const list = grown.map(({ kind, count }) => `${count} × ${kind}`).join(', ');
    super(
      'expectNoLeak',
      `${calls} more calls left ${tensors} more tensors, ${bytes} bytes: ${list} elements. Drop what holds them, or dispose() of them.`,
    );
    this.tensors = tensors;
    this.bytes = bytes;
  }
}

/**
 * Throws if a function leaves ever more tensors behind. It is called some times, garbage is collected, and the
 * tensors are counted that were made in these calls and are still alive; then the same again. If there are more now,
 * it is called a third time: what no further call adds to is no leak. Neither is a state that each call replaces, nor
 * a cache that is full after the warm-up. Objects without tensors are not counted.
 *
 * @param f What is tested, on the default backend. If it gives a Promise, that is awaited. Its result is dropped.
 * @throws LeakError with the number, the bytes and the sizes of the tensors. StateError where garbage cannot be
 *   collected at once: it can be in Node, Deno and Bun, but not in a page.
 * @example
 * const step = compile((w: Tensor) => w.mul(0.9), { donate: [0] });
 * let w = normal(key(0), [1024]);
 * await expectNoLeak(() => {
 *   w = step(w);
 * });
 */
export async function expectNoLeak(f: () => unknown, options: LeakOptions = {}): Promise<void> {
  checkFunction('expectNoLeak', f);
  checkOptions('expectNoLeak', options, ['calls', 'warmUp']);
  const { calls = 10, warmUp = 3 } = options;
  checkCount('calls', calls, 1);
  checkCount('warmUp', warmUp, 0);
  if (!canCollect()) {
    throw new StateError(
      'expectNoLeak',
      'garbage cannot be collected at once here. Run the test in Node, Deno or Bun.',
    );
  }
  const call = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await f();
  };
  await call(warmUp);
  const census = new Census(defaultBackend());
  try {
    await call(calls);
    const before = await census.count();
    await call(calls);
    const after = await census.count(totalOf(before));
    if (totalOf(after) <= totalOf(before)) return;
    // Once in many runs V8 keeps a few objects on its own: on Node 20, two tensors of work that leaks none.
    await call(calls);
    const later = await census.count(totalOf(after));
    if (totalOf(later) > totalOf(after)) throw new LeakError(calls, before, after);
  } finally {
    census.end();
  }
}

function totalOf(counts: Counts): number {
  return [...counts.values()].reduce((sum, { count }) => sum + count, 0);
}

function checkCount(name: string, value: unknown, least: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return;
  throw new ValueError(
    'expectNoLeak',
    `${name} must be a whole number of at least ${least}, but is ${kindOf(value)}.`,
  );
}
