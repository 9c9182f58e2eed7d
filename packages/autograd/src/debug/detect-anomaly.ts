// detectAnomaly: runs a function in checked mode, and names the operation that first made NaN or infinity.

import { checkFunction, StateError, TesseraError, tree } from '@tessera/tensor';
import { currentInterpreter, withInterpreter, type Interpreter } from '@tessera/tensor/extend';
import { callLines } from './call-lines.ts';
import { formatOdd, formatRange, isOdd, rangeOf, type ValueRange } from './range.ts';
import {
  forwardStep,
  orderOf,
  Watcher,
  Witness,
  type Given,
  type Sighting,
  type Step,
} from './watcher.ts';

/** Where a value that is not finite comes from. */
export interface Anomaly {
  /** The operation that made it; `null` if it was given: in an argument, or in a tensor from outside. */
  readonly operation: string | null;
  /** The path of the argument that holds it, such as `0.w`; `null` if none does. */
  readonly argument: string | null;
  /** 0 in the forward pass, 1 in the backward pass, 2 in the gradient of a gradient, and so on. */
  readonly order: number;
  /** The operation whose gradient was computed; `null` in the forward pass. */
  readonly gradientOf: string | null;
  /** The path of the module that it was made in, such as `Net/fc1`; `null` outside of modules. */
  readonly module: string | null;
  /** The ranges of the operands. */
  readonly operands: readonly ValueRange[];
  /** The range of the result, or of the argument. */
  readonly result: ValueRange;
  /**
   * The lines of the program that lead to the operation, the innermost first. In a backward pass they lead to the
   * operation of the forward pass whose gradient it is. Lines of the engine are left out.
   */
  readonly lines: readonly string[];
}

/**
 * The error of {@link detectAnomaly}, with all that is known of the anomaly.
 *
 * @example
 * const loss = (x: Tensor) => x.log().sum();
 * const error: unknown = await detectAnomaly(loss)(tensor([2, -1])).catch((e: unknown) => e);
 * if (!(error instanceof AnomalyError)) throw error;
 * const { operation, result, order } = error.anomaly; // 'log'
 * result.nans; // 1
 * order; // 0: the forward pass
 */
export class AnomalyError extends TesseraError {
  static override readonly name: string = 'AnomalyError';
  readonly anomaly: Anomaly;

  constructor(anomaly: Anomaly) {
    super('detectAnomaly', describe(anomaly));
    this.anomaly = anomaly;
  }
}

/**
 * Returns `f` in checked mode. It computes operation by operation, also what is compiled inside. If its value is
 * finite, that is the result. If not, it throws an error that names the first operation that made a NaN or an
 * infinity, with the ranges of its operands, the pass, the module, and the line of the program. It looks along
 * the way from the result back: an infinity that does no harm, such as the −∞ of a mask, is no anomaly.
 *
 * It takes several times as long as `f`, and a function that fails is evaluated twice. So find the step that
 * fails first, and repeat that one from the state before it.
 *
 * @param f A pure function of trees to a tree. Random numbers must come from a key among its arguments. It may
 *   be compiled; its arguments are not donated then.
 * @returns A function of the same arguments to a Promise of the same value.
 * @throws AnomalyError if a value is not finite. StateError inside of `compile` and `grad`, where there are no
 *   values; also if `f` is asynchronous, or computes something else the second time.
 * @example
 * const loss = (w: Tensor) => w.greater(0).where(w.sqrt(), 0).sum();
 * const step = compile((w: Tensor) => w.sub(grad(loss)(w)));
 * step(tensor([0, 4])); // [NaN, 3.75]: 0 · ∞ in the gradient of √
 * await detectAnomaly(step)(tensor([0, 4])); // throws AnomalyError
 */
export function detectAnomaly<A extends readonly unknown[], R>(
  f: (...args: A) => R,
): (...args: A) => Promise<R> {
  checkFunction('detectAnomaly', f);
  return async (...args) => {
    const outer = currentInterpreter();
    if (outer.name !== 'evaluate') {
      throw new StateError(
        'detectAnomaly',
        `there are no values to check inside of ${outer.name}. Put detectAnomaly around the outermost function.`,
      );
    }
    const watcher = new Watcher(outer, args);
    const value = withInterpreter(watcher, () => f(...args));
    const origin = await watcher.originOf(tree.leaves(value));
    if (origin === null) return value;
    throw new AnomalyError(
      origin.kind === 'given'
        ? await givenAnomaly(origin)
        : await madeAnomaly(origin, outer, () => f(...args)),
    );
  };
}

/** Repeats a function to look at one of its operations. */
async function madeAnomaly(step: Step, outer: Interpreter, f: () => unknown): Promise<Anomaly> {
  const { index, operation, gradientOf, scope } = step;
  // In a backward pass, the line of the operation that is differentiated says more than its own.
  const told = forwardStep(step).index;
  let seen: Sighting | undefined;
  let lines: readonly string[] = [];
  const witness = new Witness(outer, (at, sighting) => {
    if (at === told) lines = callLines();
    if (at === index) seen = sighting;
  });
  withInterpreter(witness, f);
  const { inputs = [], outputs = [] } = seen ?? {};
  const operands = await Promise.all(inputs.map(rangeOf));
  const result = (await Promise.all(outputs.map(rangeOf))).find(isOdd);
  if (result === undefined || seen?.operation.name !== operation.name) {
    throw new StateError(
      'detectAnomaly',
      'the function computes something else when it is repeated. Draw random numbers from a key among its arguments.',
    );
  }
  return {
    operation: operation.name,
    argument: null,
    order: orderOf(step),
    gradientOf: gradientOf?.name ?? null,
    module: scope?.path ?? null,
    operands,
    result,
    lines,
  };
}

/** The anomaly of a tensor that the function was given. */
async function givenAnomaly({ tensor, path }: Given): Promise<Anomaly> {
  return {
    operation: null,
    argument: path,
    order: 0,
    gradientOf: null,
    module: null,
    operands: [],
    result: await rangeOf(tensor),
    lines: [],
  };
}

/** The anomaly in sentences. */
function describe(anomaly: Anomaly): string {
  const { operation, argument, order, gradientOf, module, operands, result, lines } = anomaly;
  if (operation === null) {
    const what = argument === null ? 'a tensor from outside' : `argument ${argument}`;
    return `${what} holds ${formatOdd(result)} before anything is computed: ${formatRange(result)}. Look at what made it.`;
  }
  const passes = order > 1 ? `backward pass (order ${order})` : 'backward pass';
  const parts = [
    `${operation} made ${formatOdd(result)} of ${result.size} values`,
    gradientOf === null ? ' in the forward pass' : ` in the ${passes} of ${gradientOf}`,
    module === null ? '' : `, in ${module}`,
    lines.length === 0 ? '' : `, at ${lines[0]}`,
    operands.length === 0 ? '.' : `. Operands: ${operands.map(formatRange).join('; ')}.`,
  ];
  return `${parts.join('')} Keep its operands away from there.`;
}
