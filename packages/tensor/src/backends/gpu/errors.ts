import { StateError, TesseraError } from '../../errors.ts';

/** What went wrong on a device. */
export type DeviceFailure =
  'unavailable' | 'lost' | 'out-of-memory' | 'validation' | 'compilation' | 'mismatch' | 'internal';

/**
 * A device that is not there, or that failed. Work is queued, so a failure surfaces at the next
 * `await` of values, and names the kernel that caused it where that is known.
 *
 * @example
 * const error = new DeviceError('gpu', 'unavailable', 'no adapter answers. Pass mode: "cpu".');
 * error.failure; // 'unavailable'
 */
export class DeviceError extends TesseraError {
  readonly failure: DeviceFailure;
  /** The kernel at fault. */
  readonly kernel: string | undefined;
  /** What was compiled for it. */
  readonly source: string | undefined;

  constructor(
    op: string,
    failure: DeviceFailure,
    problem: string,
    kernel?: string,
    source?: string,
  ) {
    super(op, source === undefined ? problem : `${problem}\n--- source ---\n${source}`);
    this.failure = failure;
    this.kernel = kernel;
    this.source = source;
  }
}

/** What work on a device gives; `null` if the device, which is still there, refuses the work. */
export async function unlessRefused<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DeviceError && error.failure !== 'lost') return null;
    throw error;
  }
}

/** The refusal to read values at once where only a promise of them is to be had. */
export function onlyAsynchronous(): StateError {
  return new StateError(
    'dataSync',
    'WebGPU can only read asynchronously. Use await tensor.data(), item() or toArray().',
  );
}
