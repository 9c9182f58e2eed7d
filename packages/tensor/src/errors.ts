// The typed errors that Tessera throws on bad input, and the pieces from which their texts are made.

/**
 * The errors that Tessera raises on bad input. Every text follows one pattern:
 * `op: what is wrong: operands with the sizes that clash. Hint.`
 */

/**
 * Base class of every error that Tessera raises on purpose. `op` names the operation that refused, `name`
 * the class: a static field, which minifiers keep, as they do not keep the names of classes.
 *
 * @example
 * try {
 *   ones([2, 3]).matmul(ones([2, 3]));
 * } catch (error) {
 *   if (error instanceof TesseraError) console.log(error.op); // 'matmul'
 * }
 */
export class TesseraError extends Error {
  static override readonly name: string = 'TesseraError';
  readonly op: string;

  constructor(op: string, problem: string) {
    super(`${op}: ${problem}`);
    this.op = op;
    this.name = new.target.name;
  }
}

/**
 * Shapes that do not fit the operation or each other.
 *
 * @example
 * ones([2]).add(ones([3])); // throws ShapeError
 */
export class ShapeError extends TesseraError {
  static override readonly name: string = 'ShapeError';
  readonly shapes: readonly (readonly number[])[];

  constructor(op: string, problem: string, shapes: readonly (readonly number[])[]) {
    super(op, problem);
    this.shapes = shapes;
  }
}

/**
 * An axis outside the tensor's rank, or named twice.
 *
 * @example
 * ones([2]).sum(1); // throws AxisError
 */
export class AxisError extends TesseraError {
  static override readonly name: string = 'AxisError';
  readonly axis: number;
  readonly rank: number;

  constructor(op: string, problem: string, axis: number, rank: number) {
    super(op, problem);
    this.axis = axis;
    this.rank = rank;
  }
}

/**
 * A dtype that the operation does not take.
 *
 * @example
 * ones([2]).not(); // throws DTypeError
 */
export class DTypeError extends TesseraError {
  static override readonly name: string = 'DTypeError';
  readonly dtypes: readonly string[];

  constructor(op: string, problem: string, dtypes: readonly string[]) {
    super(op, problem);
    this.dtypes = dtypes;
  }
}

/**
 * An attribute (stride, eps, probability, …) or a value outside what the operation accepts.
 *
 * @example
 * ones([2]).select(0, 5); // throws ValueError
 */
export class ValueError extends TesseraError {
  static override readonly name: string = 'ValueError';
}

/**
 * A file or a byte sequence that is not what its format promises.
 *
 * @example
 * decodeSafetensors(new Uint8Array(4)); // throws FormatError
 */
export class FormatError extends TesseraError {
  static override readonly name: string = 'FormatError';
}

/**
 * A use of the engine that its state forbids: reading a donated tensor, values inside `compile`, …
 *
 * @example
 * compile((x: Tensor) => scalar(x.itemSync()))(scalar(1)); // throws StateError
 */
export class StateError extends TesseraError {
  static override readonly name: string = 'StateError';
}

/** What became of a tensor that was donated, as every backend says it. */
export const DONATED: string =
  'the tensor was donated to a compiled function, which reused its memory. ' +
  'Use what that call returned instead, or leave the argument out of donate.';

/** What became of a tensor that was disposed, as every backend says it. */
export const DISPOSED =
  'the tensor was disposed. Read its values or compute with it before it is disposed.';

/** What became of a tensor that a call had begun to write over when it failed, as every backend says it. */
export function lostIn(cause: unknown): string {
  return (
    `the tensor was lost in a call that failed after it had begun to write over it (${messageOf(cause)}). ` +
    'Go on from a copy or a checkpoint.'
  );
}

/**
 * The refusal of a backend that is given a tensor which another one stores.
 *
 * @param op What was asked for.
 * @param found The name of the backend that stores the tensor; it may be the same, of another instance.
 * @param wanted The name of the backend that refuses.
 */
export function foreignStorage(op: string, found: string, wanted: string): StateError {
  return new StateError(
    op,
    `the tensor is stored on another backend (${found}), not on this ${wanted} backend. ` +
      'Read its values there and make a new tensor of them here.',
  );
}

/**
 * Prints a shape the way every error and printout does: `[2, 3]`.
 *
 * @example
 * formatShape([2, 3]); // '[2, 3]'
 * formatShape([]); // '[]': a scalar
 */
export function formatShape(shape: readonly number[]): string {
  return Array.isArray(shape) ? `[${shape.map(String).join(', ')}]` : String(shape);
}

/** Bytes for people. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/**
 * Gives the memory that `allocate` gets from the engine.
 *
 * @throws StateError instead of the engine's RangeError where it has not so much.
 */
export function expectMemory<T>(op: string, bytes: number, allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StateError(
      op,
      `the engine gives no array of ${megabytes(bytes)}: ${error.message}. ` +
        'Use smaller tensors, or dispose() of those that are needed no more.',
    );
  }
}

/**
 * Prints dtype and shape the way every error and printout does: `float32[2, 3]`.
 *
 * @example
 * formatSpec(ones([2, 3])); // 'float32[2, 3]'
 */
export function formatSpec(x: {
  readonly dtype: string;
  readonly shape: readonly number[];
}): string {
  return x.dtype + formatShape(x.shape);
}

/**
 * The start of a text from outside (a file, a command line), fit to be printed: characters that a
 * terminal obeys or hides are escaped.
 *
 * @param length How many UTF-16 units are shown, default 80.
 * @example
 * excerpt('\u001b[2J'); // '\\u{1b}[2J'
 * excerpt('a long name', 6); // 'a long…'
 */
export function excerpt(text: string, length = 80): string {
  const shown = text
    .slice(0, length)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (odd) => `\\u{${odd.codePointAt(0)?.toString(16)}}`);
  return text.length > length ? `${shown}…` : shown;
}

/** What was thrown, as text: gpu.js, browsers and workers do not always throw errors. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
