/**
 * The errors that Tessera raises on bad input. Every text follows one pattern:
 * `op: what is wrong: operands with the sizes that clash. Hint.`
 */

/** Base class of every error that Tessera raises on purpose. `op` names the operation that refused. */
export class TesseraError extends Error {
  readonly op: string;

  constructor(op: string, problem: string) {
    super(`${op}: ${problem}`);
    this.op = op;
    this.name = new.target.name;
  }
}

/** Shapes that do not fit the operation or each other. */
export class ShapeError extends TesseraError {
  readonly shapes: readonly (readonly number[])[];

  constructor(op: string, problem: string, shapes: readonly (readonly number[])[]) {
    super(op, problem);
    this.shapes = shapes;
  }
}

/** An axis outside the tensor's rank, or named twice. */
export class AxisError extends TesseraError {
  readonly axis: number;
  readonly rank: number;

  constructor(op: string, problem: string, axis: number, rank: number) {
    super(op, problem);
    this.axis = axis;
    this.rank = rank;
  }
}

/** A dtype that the operation does not take. */
export class DTypeError extends TesseraError {
  readonly dtypes: readonly string[];

  constructor(op: string, problem: string, dtypes: readonly string[]) {
    super(op, problem);
    this.dtypes = dtypes;
  }
}

/** An attribute (stride, eps, probability, …) or a value outside what the operation accepts. */
export class ValueError extends TesseraError {}

/** A file or a byte sequence that is not what its format promises. */
export class FormatError extends TesseraError {}

/** A use of the engine that its state forbids: reading a donated tensor, values inside `compile`, … */
export class StateError extends TesseraError {}

/** Prints a shape the way every error and printout does: `[2, 3]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
