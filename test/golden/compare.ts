import type { Tensor } from '@tessera/tensor';

/** Numbers with a shape: a tensor that has been read, or an entry of a file. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** How far a number may be off: `|got − want| ≤ atol + rtol·|want|`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** The outcome of comparing one tensor or number. */
export interface Comparison {
  readonly what: string;
  /** The largest `|got − want| / (atol + rtol·|want|)`. */
  readonly worst: number;
  /** What is wrong, with the numbers; `null` if nothing is. */
  readonly problem: string | null;
}

/** The elements of a tensor, read in a way that works on every backend. */
export async function read(tensor: Tensor): Promise<Values> {
  return { shape: tensor.shape, data: await tensor.data() };
}

/**
 * Compares elementwise. Shapes must be equal; NaN equals only NaN, and an infinity only itself.
 *
 * @param only Where given, only elements at which it is not 0 are compared.
 */
export function compareValues(
  what: string,
  got: Values,
  want: Values,
  tolerance: Tolerance,
  only?: ArrayLike<number>,
): Comparison {
  if (shapeText(got) !== shapeText(want)) {
    const problem = `${what}: shape ${shapeText(got)}, wanted ${shapeText(want)}`;
    return { what, worst: Infinity, problem };
  }
  let worst = 0;
  let worstAt = -1;
  let wrong = 0;
  for (let i = 0; i < want.data.length; i++) {
    if (only !== undefined && only[i] === 0) continue;
    const error = deviation(got.data[i], want.data[i], tolerance);
    if (error > 1) wrong++;
    if (error > worst) {
      worst = error;
      worstAt = i;
    }
  }
  if (wrong === 0) return { what, worst, problem: null };
  const [g, w] = [got.data[worstAt], want.data[worstAt]];
  const allowed = tolerance.atol + tolerance.rtol * Math.abs(w);
  const place = want.shape.length === 0 ? '' : ` at [${indexText(worstAt, want.shape)}]`;
  const problem =
    `${what}: ${wrong} of ${want.data.length} wrong;${place} ` +
    `got ${g}, wanted ${w} ± ${allowed.toPrecision(2)} (${worst.toPrecision(3)} × tolerance)`;
  return { what, worst, problem };
}

/** Compares a tensor with what a file holds. */
export async function compareTensor(
  what: string,
  got: Tensor,
  want: Values,
  tolerance: Tolerance,
): Promise<Comparison> {
  return compareValues(what, await read(got), want, tolerance);
}

/** Compares a list of numbers, such as the losses of all steps. */
export function compareNumbers(
  what: string,
  got: readonly number[],
  want: readonly number[],
  tolerance: Tolerance,
): Comparison {
  return compareValues(
    what,
    { shape: [got.length], data: got },
    { shape: [want.length], data: want },
    tolerance,
  );
}

/** A comparison of things that are equal or not: counts, names, shapes. */
export function compareExactly(what: string, got: unknown, want: unknown): Comparison {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  return g === w
    ? { what, worst: 0, problem: null }
    : { what, worst: Infinity, problem: `${what}: got ${g}, wanted ${w}` };
}

/** Compares two sets of names, in any order. */
export function compareNames(
  what: string,
  got: readonly string[],
  want: readonly string[],
): Comparison {
  const missing = want.filter((name) => !got.includes(name));
  const unexpected = got.filter((name) => !want.includes(name));
  if (missing.length + unexpected.length === 0) return { what, worst: 0, problem: null };
  const list = (names: readonly string[]): string => names.slice(0, 5).join(', ');
  const problem =
    `${what}: ${missing.length} missing (${list(missing)}), ` +
    `${unexpected.length} unexpected (${list(unexpected)})`;
  return { what, worst: Infinity, problem };
}

function deviation(got: number, want: number, { rtol, atol }: Tolerance): number {
  if (Object.is(got, want) || got === want) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Infinity;
  return Math.abs(got - want) / (atol + rtol * Math.abs(want));
}

function shapeText({ shape }: Values): string {
  return `[${shape.join(', ')}]`;
}

/** The position of element `flat` of a row-major array, as text. */
function indexText(flat: number, shape: readonly number[]): string {
  const index: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index.join(', ');
}
