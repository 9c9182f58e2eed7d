// The typed errors that Tessera throws on bad input, and the pieces from which their texts are made.

/**
 * The errors that Tessera raises on bad input. Every text follows one pattern:
 * `op: what is wrong: operands with the sizes that clash. Hint.`
 */

/**
 * Base class of every error that Tessera throws on purpose. `op` names the operation that threw it. `name` is
 * the class, in a static field: minifiers change the names of classes, but not this field.
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
 * An axis outside the tensor's rank, or an axis that is named twice.
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
 * A dtype that the operation does not accept.
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
 * A file or a byte sequence that does not follow its format.
 *
 * @example
 * decodeSafetensors(new Uint8Array(4)); // throws FormatError
 */
export class FormatError extends TesseraError {
  static override readonly name: string = 'FormatError';
}

/**
 * A use of the engine that its state forbids, such as reading a donated tensor, or values inside `compile`.
 *
 * @example
 * compile((x: Tensor) => scalar(x.itemSync()))(scalar(1)); // throws StateError
 */
export class StateError extends TesseraError {
  static override readonly name: string = 'StateError';
}

/** The error text for a donated tensor, the same on every backend. */
export const DONATED: string =
  'the tensor was donated to a compiled function, which reused its memory. ' +
  'Use what that call returned instead, or leave the argument out of donate.';

/** The error text for a disposed tensor, the same on every backend. */
export const DISPOSED =
  'the tensor was disposed. Read its values or compute with it before it is disposed.';

/** The error text for a tensor that was lost when a call failed while overwriting it. */
export function lostIn(cause: unknown): string {
  return (
    `the tensor was lost in a call that failed after it had begun to write over it (${messageOf(cause)}). ` +
    'Go on from a copy or a checkpoint.'
  );
}

/**
 * The error for a tensor that another backend stores.
 *
 * @param op The operation that was asked for.
 * @param found The name of the backend that stores the tensor. It may be another instance of the same kind.
 * @param wanted The name of the backend that throws.
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

/** Bytes as readable text. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/**
 * Runs `allocate`, which allocates memory of the engine.
 *
 * @throws StateError, instead of the engine's RangeError, if there is not enough memory.
 */
export function expectMemory<T>(op: string, bytes: number, allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StateError(
      op,
      `the engine gives no array of ${megabytes(bytes)}: ${error.message}. ` +
        'Use smaller tensors, or dispose() those that you no longer need.',
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
 * The start of a text from outside (a file, a command line), safe to print. Control and invisible characters
 * are escaped.
 *
 * @param length The most UTF-16 units that are shown, default 80; Infinity shows the whole text.
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

/** The message of a thrown value: gpu.js, browsers and workers do not always throw errors. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
