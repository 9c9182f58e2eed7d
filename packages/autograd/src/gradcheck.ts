// gradcheck: compares a gradient with finite differences along random directions.

import {
  checkFunction,
  checkList,
  checkOptions,
  foldIn,
  key,
  normal,
  split,
  tensor,
  TesseraError,
  tree,
  uniform,
  ValueError,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { vjp } from './grad.ts';
import { namedLeaves, type NamedLeaf } from './leaves.ts';

/** Options of {@link gradcheck}. */
export interface GradcheckOptions {
  /** 1 checks first derivatives, 2 also those of the gradient. Default 1. */
  readonly order?: 1 | 2;
  /** The most that an entry of the inputs moves. Default 2e-2. */
  readonly step?: number;
  /** Accepted relative deviation. Default 1e-3. */
  readonly tolerance?: number;
  /** Number of random directions. Default 3. */
  readonly directions?: number;
  /** Seed of the directions and projections. Default 0. */
  readonly seed?: number;
}

/** The result of a passed {@link gradcheck}. */
export interface GradcheckReport {
  /** The largest deviation, as a multiple of the accepted one (so below 1). */
  readonly worst: number;
}

/** One derivative, once by the rules and once by differences. */
export interface GradcheckEntry {
  /** The path of the tensor in the list of inputs, and the row-major index in it. */
  readonly path: string;
  readonly index: number;
  readonly analytic: number;
  readonly numeric: number;
}

/**
 * The error of {@link gradcheck} if derivatives differ.
 *
 * @example
 * const wrong = customVjp((x: Tensor) => x.square(), (ȳ, { primals: [x] }) => [ȳ.mul(x)]); // ½ of it
 * await gradcheck(wrong, [tensor([1, 2])]); // throws GradcheckError
 */
export class GradcheckError extends TesseraError {
  static override readonly name: string = 'GradcheckError';
  /** The order of the derivative that is wrong. */
  readonly order: number;
  /** The single derivative that deviates most. */
  readonly worst: GradcheckEntry;

  constructor(problem: string, order: number, worst: GradcheckEntry) {
    super('gradcheck', problem);
    this.order = order;
    this.worst = worst;
  }
}

/**
 * Compares the gradient of `f` with central differences, along random directions.
 *
 * The outputs are projected on one random vector v, so that `L(x) = Σ v · f(x)` is one number, summed in
 * float64. Along a random direction the inputs move to `x₊` and `x₋`, every entry by half of `step` to
 * `step`. The slope `(L(x₊) − L(x₋)) / ‖x₊ − x₋‖` is measured between the rounded points, so rounding them
 * adds no error. It is extrapolated from `step` and `step / 2` (Richardson), which leaves a truncation of
 * relative size `step⁴`. It must equal `⟨∇L, u⟩`, where u is the direction.
 *
 * The two differ by the rounding inside f. Each evaluation is allowed the size of 8 roundings of its outputs,
 * of its inputs, and of numbers of size 1 per output: `8 · 2⁻²⁴ · (‖v · f‖ + ‖∇L · x‖ + ‖v‖)`. Divided by the
 * distance moved, about `step · √n`, and tripled by the extrapolation, this is the absolute part of the
 * accepted deviation, about 1e-4. So check functions at a scale where inputs and outputs are about 1. The
 * relative part is `tolerance` times the expected slope along a random direction, `‖∇L‖ / √n`, or the slope
 * found if that is larger. The default of 1e-3 is for rounding that grows inside f; a wrong factor or a
 * missing term is far outside of it. Check functions with kinks at points farther than `step` from them.
 *
 * Second order checks the map from x to `∇L` in the same way. After a failure every single derivative is
 * compared, and the error names the one that deviates most.
 *
 * @param f A synchronous function of trees to a tree.
 * @param inputs Its arguments. Leaves that are not trained do not move.
 * @throws GradcheckError if the gradients do not agree; ValueError for options out of range, and if
 *   there is nothing to check: no trained input, or no float32 output.
 * @example
 * await gradcheck((x: Tensor) => x.tanh(), [tensor([0.5, -1])], { order: 2 });
 */
export async function gradcheck<P extends readonly unknown[]>(
  f: (...inputs: P) => unknown,
  inputs: P,
  options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  checkFunction('gradcheck', f);
  checkList('gradcheck', 'the inputs', inputs, 'gradcheck(f, [x])');
  checkNumbers(options);
  const [projectionKey, ...keys] = split(key(options.seed ?? 0), 3);
  const first = await checkOrder(1, f, inputs, options, keys[0]);
  if (options.order !== 2) return first;
  const gradient = (...at: P): P => {
    const { value, pullback } = vjp(f, ...at);
    return pullback(randomLike(value, projectionKey));
  };
  const second = await checkOrder(2, gradient, inputs, options, keys[1]);
  return { worst: Math.max(first.worst, second.worst) };
}

function checkNumbers(options: GradcheckOptions): void {
  checkOptions('gradcheck', options, ['order', 'step', 'tolerance', 'directions', 'seed']);
  const { order = 1, step = 1, tolerance = 1, directions = 1 } = options;
  const wrong = [
    order === 1 || order === 2 ? '' : `order must be 1 or 2, but is ${String(order)}.`,
    step > 0 && step < Infinity ? '' : `step must be finite and above 0, but is ${step}.`,
    tolerance >= 0 ? '' : `tolerance must be at least 0, but is ${tolerance}.`,
    Number.isInteger(directions) && directions >= 1
      ? ''
      : `directions must be a whole number of at least 1, but is ${directions}.`,
  ].find((text) => text !== '');
  if (wrong !== undefined) throw new ValueError('gradcheck', wrong);
}

/** The derivative along one direction; `excess` is the deviation as a multiple of the accepted one. */
interface Slope {
  readonly analytic: number;
  readonly numeric: number;
  readonly excess: number;
}

async function checkOrder<P extends readonly unknown[]>(
  order: number,
  f: (...inputs: P) => unknown,
  inputs: P,
  options: GradcheckOptions,
  random: Tensor,
): Promise<GradcheckReport> {
  const [projectionKey, ...directionKeys] = split(random, 1 + (options.directions ?? 3));
  const slopeAlong = await slopes(f, inputs, options, projectionKey);
  const places = trained(inputs).flatMap(({ path, tensor: leaf }) =>
    Array.from({ length: leaf.size }, (_, index) => ({ path, index })),
  );
  let worst = 0;
  for (const directionKey of directionKeys) {
    const entries = [...(await uniform(directionKey, [places.length], -1, 1).data())];
    const { excess } = await slopeAlong(
      entries.map((entry) => (entry + Math.sign(entry || 1)) / 2),
    );
    if (!(excess <= 1)) throw await failure(order, excess, places, slopeAlong);
    worst = Math.max(worst, excess);
  }
  return { worst };
}

/** Prepares the comparison of both derivatives of `v · f` along a direction whose entries are at most 1. */
async function slopes<P extends readonly unknown[]>(
  f: (...inputs: P) => unknown,
  inputs: P,
  { step = 2e-2, tolerance = 1e-3 }: GradcheckOptions,
  random: Tensor,
): Promise<(direction: ArrayLike<number>) => Promise<Slope>> {
  const { value, pullback } = vjp(f, ...inputs);
  checkSomething(inputs, value);
  const cotangent = randomLike(value, random);
  const projection = await numbers(tree.leaves(cotangent));
  const start = await numbers(trained(inputs).map(({ tensor: leaf }) => leaf));
  const gradient = await numbers(trained(pullback(cotangent)).map(({ tensor: leaf }) => leaf));
  const inside = norm(gradient.map((g, i) => g * start[i])) + norm(projection);

  /** Both slopes from the points at distance `h`, and the rounding allowed in the numeric one. */
  const central = async (direction: ArrayLike<number>, h: number) => {
    const ends = [h, -h].map((by) => start.map((x, i) => Math.fround(x + by * direction[i])));
    const moved = start.map((_, i) => ends[0][i] - ends[1][i]);
    const values = await Promise.all(
      ends.map((at) => numbers(tree.leaves(f(...withNumbers(inputs, at))))),
    );
    const terms = values.map((outputs) => outputs.map((y, i) => y * projection[i]));
    const length = norm(moved);
    return {
      analytic: dot(gradient, moved) / length,
      numeric: (sum(terms[0]) - sum(terms[1])) / length,
      rounding: (8 * 2 ** -24 * (norm(terms[0]) + norm(terms[1]) + 2 * inside)) / length,
    };
  };

  return async (direction) => {
    const far = await central(direction, step);
    const near = await central(direction, step / 2);
    const analytic = (4 * near.analytic - far.analytic) / 3;
    const numeric = (4 * near.numeric - far.numeric) / 3;
    const expected = norm(gradient) / Math.sqrt(start.length);
    const rounding = (4 * near.rounding + far.rounding) / 3;
    const accepted = tolerance * Math.max(expected, Math.abs(analytic)) + rounding;
    const deviation = Math.abs(numeric - analytic);
    return { analytic, numeric, excess: deviation === 0 ? 0 : deviation / accepted };
  };
}

/** Throws if nothing has a gradient: a check of nothing must not pass. */
function checkSomething(inputs: unknown, value: unknown): void {
  const floats = tree.leaves(value).filter(({ dtype, size }) => dtype === 'float32' && size > 0);
  const problem =
    trained(inputs).length === 0
      ? 'no input is trained: float32 tensors outside of buffers are'
      : floats.length === 0
        ? 'the function gives no float32 numbers'
        : undefined;
  if (problem === undefined) return;
  throw new ValueError('gradcheck', `there is nothing to check: ${problem}.`);
}

/** The error for a direction that failed, naming the single derivative that deviates most. */
async function failure(
  order: number,
  excess: number,
  places: readonly { readonly path: string; readonly index: number }[],
  slopeAlong: (direction: ArrayLike<number>) => Promise<Slope>,
): Promise<GradcheckError> {
  let worst: GradcheckEntry | undefined;
  for (const [at, place] of places.entries()) {
    const { analytic, numeric } = await slopeAlong(
      new Float64Array(places.length).fill(1, at, at + 1),
    );
    const entry = { ...place, analytic, numeric };
    // A deviation of NaN is the worst of all.
    if (worst === undefined || !(deviationOf(entry) <= deviationOf(worst))) worst = entry;
  }
  const { path, index, analytic, numeric } = worst as GradcheckEntry;
  return new GradcheckError(
    `order ${order}: the derivative along a random direction is ${excess.toPrecision(3)} times the accepted ` +
      `deviation off. The worst entry is number ${index} of input ${path}: ` +
      `the rule gives ${analytic.toPrecision(6)}, differences give ${numeric.toPrecision(6)}.`,
    order,
    worst as GradcheckEntry,
  );
}

function deviationOf({ analytic, numeric }: GradcheckEntry): number {
  return Math.abs(analytic - numeric);
}

function trained(root: unknown): readonly NamedLeaf[] {
  return namedLeaves(root).filter(({ trainable }) => trainable);
}

/** A tree like `root` with random numbers, and zeros in its int32 and bool tensors. */
function randomLike<T>(root: T, random: Tensor): T {
  let next = 0;
  return tree.map(
    ({ shape, dtype }) =>
      dtype === 'float32' ? normal(foldIn(random, next++), shape) : zeros(shape, dtype),
    root,
  );
}

/** A tree like `root` with `values` in its trained leaves. */
function withNumbers<T>(root: T, values: Float64Array): T {
  let start = 0;
  const leaves = namedLeaves(root).map(({ tensor: leaf, trainable }) => {
    if (!trainable) return leaf;
    const elements = Float32Array.from(values.slice(start, (start += leaf.size)));
    return tensor(elements, { shape: leaf.shape });
  });
  return tree.flatten(root).unflatten(leaves);
}

/** The elements of all tensors, one tensor after the other, in float64. */
async function numbers(tensors: readonly Tensor[]): Promise<Float64Array> {
  const parts = await Promise.all(tensors.map((each) => each.data()));
  const all = new Float64Array(parts.reduce((size, part) => size + part.length, 0));
  let start = 0;
  for (const part of parts) {
    all.set(part, start);
    start += part.length;
  }
  return all;
}

function sum(a: Float64Array): number {
  let total = 0;
  for (const x of a) total += x;
  return total;
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
