// DeviceError: what went wrong on a device, in which kernel, and how to reproduce it.

import type { TypedArray } from '../../../array/dtype.ts';
import { messageOf, StateError, TesseraError } from '../../../errors.ts';
import type { DeviceReport } from './report.ts';
import type { Shader } from './shader.ts';

/** The kinds of failures of a device. */
export type DeviceFailure =
  'unavailable' | 'lost' | 'out-of-memory' | 'validation' | 'compilation' | 'mismatch' | 'internal';

/** Everything needed to run a kernel with wrong results again. */
export interface Reproducer {
  /** The kernel in the plan's form: operation, shapes and strides, with operands and results by name. */
  readonly kernel: readonly string[];
  /** The gpu.js kernels that it became, in the order of their runs. */
  readonly sources: readonly {
    readonly name: string;
    /** The function in the subset of JavaScript that gpu.js accepts. */
    readonly text: string;
    /** Threads along x, y and z. */
    readonly output: readonly number[];
    /** Names of its arguments and of the array that it writes; some are intermediate values. */
    readonly reads: readonly string[];
    readonly writes: string;
    /** The shader that the device ran, perhaps in the executor's own form; executor `'own'` only. */
    readonly shader?: Shader;
  }[];
  /** The device on which it ran. */
  readonly device: DeviceReport;
  /** All elements of the kernel's operands, by name. */
  readonly operands: Readonly<Record<string, TypedArray>>;
  /** All elements of its results, by name: the reference's and the device's. */
  readonly expected: Readonly<Record<string, TypedArray>>;
  readonly found: Readonly<Record<string, TypedArray>>;
}

/** Facts about a failure, beside its kind. */
export interface Circumstances {
  /** The kernel at fault. */
  readonly kernel?: string | undefined;
  /** The code that was compiled for it. */
  readonly source?: string | undefined;
  /** Everything needed to run the kernel again. */
  readonly reproducer?: Reproducer;
  /** The error of gpu.js, Dawn or the browser that caused this one. */
  readonly cause?: unknown;
}

/**
 * A device that is missing or that failed. Work is queued, so a failure surfaces at every `await` of values
 * that depend on the failed work. It names the kernel that caused it, if that is known.
 *
 * @example
 * const error = new DeviceError('gpu', 'unavailable', 'no adapter answers. Pass mode: "cpu".');
 * error.failure; // 'unavailable'
 */
export class DeviceError extends TesseraError {
  static override readonly name: string = 'DeviceError';
  readonly failure: DeviceFailure;
  /** The kernel at fault. */
  readonly kernel: string | undefined;
  /** The code that was compiled for it. */
  readonly source: string | undefined;
  readonly #reproducer: Reproducer | undefined;

  constructor(
    op: string,
    failure: DeviceFailure,
    problem: string,
    circumstances: Circumstances = {},
  ) {
    const { kernel, source, reproducer, cause } = circumstances;
    super(op, source === undefined ? problem : `${problem}\n--- source ---\n${source}`);
    // Like the constructor of Error: an error without a cause has no such property.
    if (cause !== undefined) this.cause = cause;
    this.failure = failure;
    this.kernel = kernel;
    this.source = source;
    this.#reproducer = reproducer;
  }

  /**
   * After a mismatch that `verify` found: the kernel with all elements of its operands. It is a method, so
   * that these elements are not part of the error wherever it is printed, sent or stored.
   */
  reproducer(): Reproducer | undefined {
    return this.#reproducer;
  }
}

/** Does work on a device, and returns its result or the device's refusal. Throws if the device was lost. */
export async function orRefusal<T>(work: () => Promise<T>): Promise<T | DeviceError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DeviceError && error.failure !== 'lost') return error;
    throw error;
  }
}

/** A clause that names what a device refuses and why, without the kernel's source. */
export function refusalText({ op, message }: DeviceError): string {
  const [line] = message.slice(`${op}: `.length).split('\n');
  return `the device refuses ${op} (${line.replace(/\.$/, '')})`;
}

/** The error for an exception of gpu.js or a device where none is expected. */
export function internalIn(op: string, error: unknown): DeviceError {
  return new DeviceError(op, 'internal', messageOf(error), { cause: error });
}

/** The error for a synchronous read where a device can only read asynchronously. */
export function onlyAsynchronous(): StateError {
  return new StateError(
    'dataSync',
    'WebGPU can only read asynchronously. Use await tensor.data(), item() or toArray().',
  );
}
