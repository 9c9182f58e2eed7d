// What a wasm kernel is: phases one after the other, each made of independent units of work.

import type { TypedArray } from '../../../array/dtype.ts';
import type { I32, Value, ValueType } from '../assembler/code.ts';
import type { FunctionBuilder, FunctionReference } from '../assembler/function.ts';
import type { ModuleBuilder } from '../assembler/module.ts';
import {
  parametersOf,
  Routine,
  signatureOf,
  ValueRoutine,
  type ParameterLocals,
  type Parameters,
} from '../assembler/routine.ts';

/** The abilities of the engine that runs the modules. */
export interface Target {
  /** Whether it has `f32x4.relaxed_madd`. */
  readonly relaxed: boolean;
  /**
   * Whether it packs two equal vector operations on neighbours into one of 256 bits. Kernels then work on
   * pairs of vectors and larger tiles; their results are the same, bit for bit; only which NaN a NaN is may differ.
   */
  readonly wide: boolean;
}

/**
 * One kernel of a plan as WebAssembly. Its phases run one after the other. Each phase is made of units,
 * independent pieces of work that any thread may do in any order. The cut into units depends on the shapes
 * alone, never on the number of threads, and so the results do not depend on it either.
 */
export interface KernelCode {
  readonly phases: readonly Phase[];
  /**
   * Bytes that all threads share from the first phase to the last, for packed operands for example. Default
   * 0.
   */
  readonly workspaceBytes?: number;
  /** Bytes that each thread has for itself during a unit. Default 0. */
  readonly scratchBytes?: number;
}

/** One pass over the units of a kernel. */
export type Phase = EmittedPhase | HostPhase;

/**
 * A phase in plain JavaScript. The calling thread runs it as one unit: the other threads have no JavaScript
 * of a plan.
 */
export interface HostPhase {
  readonly units: 1;
  readonly unitCost: number;
  /** Computes the kernel. It gets the memory of those buffers of the plan that the kernel uses. */
  host(buffers: readonly TypedArray[]): void;
}

/** A phase in WebAssembly. */
export interface EmittedPhase {
  readonly units: number;
  /** Estimated nanoseconds of a unit: small work is not worth handing to threads. */
  readonly unitCost: number;
  /**
   * A name for the code, where kernels of different shapes share it: phases of one key have the same code.
   * Default: kernels share code if they differ only in buffers and offsets.
   */
  readonly key?: string;
  /** Numbers that the code gets as arguments. They may differ between phases of one key. */
  readonly constants?: readonly number[];
  /** Writes the code that does units `begin … end − 1`. */
  emit(body: PhaseBody): void;
}

/** What the code of a phase has to work with. */
export interface PhaseBody {
  readonly f: FunctionBuilder;
  /** The address of element 0 of the view of each input, with the offset of the view. */
  readonly inputs: readonly I32[];
  /** The address of element 0 of the view of each output, with the offset of the view. */
  readonly outputs: readonly I32[];
  readonly constants: readonly I32[];
  /** Address of the memory that the threads share. */
  readonly workspace: I32;
  /** Address of the memory of this thread. */
  readonly scratch: I32;
  readonly begin: I32;
  readonly end: I32;
  readonly routines: Routines;
  /** Code that notes a value which this kernel must refuse. The run fails with it after its end. */
  refuse(value: I32): void;
}

/** The functions that the kernels of one module share. Each is written when it is first asked for. */
export class Routines {
  readonly target: Target;
  readonly #module: ModuleBuilder;
  readonly #known = new Map<string, FunctionReference>();

  constructor(module: ModuleBuilder, target: Target) {
    this.#module = module;
    this.target = target;
  }

  /**
   * The function called `name`, which has no result.
   *
   * @param body Writes the function, when it is asked for the first time.
   */
  get<P extends Parameters>(
    name: string,
    parameters: P,
    body: (f: FunctionBuilder, parameters: ParameterLocals<P>) => void,
  ): Routine<P> {
    return new Routine(this.#reference(name, parameters, null, body), parameters);
  }

  /**
   * The function called `name`, which has a result.
   *
   * @param body Writes the function, when it is asked for the first time, and gives its result.
   */
  getValue<P extends Parameters, R extends ValueType>(
    name: string,
    parameters: P,
    type: R,
    body: (f: FunctionBuilder, parameters: ParameterLocals<P>) => Value<R>,
  ): ValueRoutine<P, R> {
    const reference = this.#reference(name, parameters, type, (f, locals) => {
      f.return(body(f, locals));
    });
    return new ValueRoutine(reference, parameters, type);
  }

  #reference<P extends Parameters>(
    name: string,
    parameters: P,
    result: ValueType | null,
    body: (f: FunctionBuilder, parameters: ParameterLocals<P>) => void,
  ): FunctionReference {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const defined = this.#module.define(signatureOf(parameters, result), (f) => {
      body(f, parametersOf(f, parameters));
    });
    this.#known.set(name, defined);
    return defined;
  }
}
