// A WebAssembly function whose parameters have names: the compiler checks the arguments of its calls.

import type { Value, ValueType } from './code.ts';
import {
  callResult,
  type FunctionBuilder,
  type FunctionReference,
  type Local,
  type Signature,
} from './function.ts';

/** The types of a function's parameters by name, in the order of the parameters. */
export type Parameters = Readonly<Record<string, ValueType>>;

/** A value for each parameter. */
export type Arguments<P extends Parameters> = { readonly [Name in keyof P]: Value<P[Name]> };

/** The parameters inside the function: variables that the call has set. */
export type ParameterLocals<P extends Parameters> = { readonly [Name in keyof P]: Local<P[Name]> };

/**
 * The signature of a function with these parameters.
 *
 * @example
 * signatureOf({ to: 'i32', value: 'f32' }, null).parameters; // ['i32', 'f32']
 */
export function signatureOf(parameters: Parameters, result: ValueType | null): Signature {
  return { parameters: Object.values(parameters), result };
}

/** The parameters of the function that `f` writes. */
export function parametersOf<P extends Parameters>(
  f: FunctionBuilder,
  parameters: P,
): ParameterLocals<P> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, type], i) => [name, f.parameter(type, i)]),
  ) as ParameterLocals<P>;
}

/** The arguments of a call in the order of the parameters. */
function inOrder<P extends Parameters>(parameters: P, args: Arguments<P>): Value<ValueType>[] {
  return Object.keys(parameters).map((name) => args[name]);
}

/**
 * A function without a result, called by the names of its parameters. A call does not compile if an
 * argument is missing, surplus or of the wrong type.
 */
export class Routine<P extends Parameters> {
  readonly #reference: FunctionReference;
  readonly #parameters: P;

  constructor(reference: FunctionReference, parameters: P) {
    this.#reference = reference;
    this.#parameters = parameters;
  }

  /** Calls it from the code that `f` writes. */
  call(f: FunctionBuilder, args: Arguments<P>): void {
    f.call(this.#reference, ...inOrder(this.#parameters, args));
  }
}

/** A function with a result, called by the names of its parameters as a {@link Routine} is. */
export class ValueRoutine<P extends Parameters, R extends ValueType> {
  readonly #reference: FunctionReference;
  readonly #parameters: P;
  readonly #type: R;

  constructor(reference: FunctionReference, parameters: P, type: R) {
    this.#reference = reference;
    this.#parameters = parameters;
    this.#type = type;
  }

  /** The result of a call. A result that is placed twice is computed twice. */
  result(args: Arguments<P>): Value<R> {
    return callResult(this.#type, this.#reference, ...inOrder(this.#parameters, args));
  }
}
