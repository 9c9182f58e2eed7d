// DeviceError: what went wrong on a device, in which kernel, and how to reproduce it.

import type { TypedArray } from '../../../array/dtype.ts';
import { messageOf, StateError, TesseraError } from '../../../errors.ts';
import type { DeviceReport } from './report.ts';
import type { Shader } from './shader.ts';

/** What went wrong on a device. */
export type DeviceFailure =
  'unavailable' | 'lost' | 'out-of-memory' | 'validation' | 'compilation' | 'mismatch' | 'internal';

/** All it takes to run a kernel of a plan again whose results are wrong. */
export interface Reproducer {
  /** The kernel as the plan has it: operation, shapes and strides, with operands and results by name. */
  readonly kernel: readonly string[];
  /** What it is lowered to, in the order of the runs. */
  readonly sources: readonly {
    readonly name: string;
    /** The function in the subset of JavaScript that gpu.js takes. */
    readonly text: string;
    /** Threads along x, y and z. */
    readonly output: readonly number[];
    /** Names of its arguments, and of what it writes; some are neither operands nor results. */
    readonly reads: readonly string[];
    readonly writes: string;
    /** What the device ran of it, in a form of the executor's own perhaps; executor `'own'` only. */
    readonly shader?: Shader;
  }[];
  /** Where it ran. */
  readonly device: DeviceReport;
  /** All elements of what the kernel reads, by name. */
  readonly operands: Readonly<Record<string, TypedArray>>;
  /** All elements of its results, by name: the reference's and the device's. */
  readonly expected: Readonly<Record<string, TypedArray>>;
  readonly found: Readonly<Record<string, TypedArray>>;
}

/** What is known of a failure beside its kind. */
export interface Circumstances {
  /** The kernel at fault. */
  readonly kernel?: string | undefined;
  /** What was compiled for it. */
  readonly source?: string | undefined;
  /** All it takes to run it again. */
  readonly reproducer?: Reproducer;
  /** The error of gpu.js, Dawn or the browser that is behind it. */
  readonly cause?: unknown;
}

/**
 * A device that is not there, or that failed. Work is queued, so a failure surfaces at every `await` of
 * values that depend on what failed, and names the kernel that caused it where that is known.
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
  /** What was compiled for it. */
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
    // As the constructor of Error has it: an error without a cause has no such property.
    if (cause !== undefined) this.cause = cause;
    this.failure = failure;
    this.kernel = kernel;
    this.source = source;
    this.#reproducer = reproducer;
  }

  /**
   * Where `verify` found a mismatch, the kernel with all elements of its operands. It is no property, so
   * that these are not part of the error wherever it is printed, sent or stored.
   */
  reproducer(): Reproducer | undefined {
    return this.#reproducer;
  }
}

/** What work on a device gives, or with what the device, which is still there, refuses it. */
export async function orRefusal<T>(work: () => Promise<T>): Promise<T | DeviceError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DeviceError && error.failure !== 'lost') return error;
    throw error;
  }
}

/** What a device refuses and why, a clause; the kernel's source is left out. */
export function refusalText({ op, message }: DeviceError): string {
  const [line] = message.slice(`${op}: `.length).split('\n');
  return `the device refuses ${op} (${line.replace(/\.$/, '')})`;
}

/** What gpu.js or a device throws where it should not. */
export function internalIn(op: string, error: unknown): DeviceError {
  return new DeviceError(op, 'internal', messageOf(error), { cause: error });
}

/** The refusal to read values at once where only a promise of them is to be had. */
export function onlyAsynchronous(): StateError {
  return new StateError(
    'dataSync',
    'WebGPU can only read asynchronously. Use await tensor.data(), item() or toArray().',
  );
}
