// Catches the errors of a WebGPU device, which surface later than the call that caused them.

import { DeviceError, type DeviceFailure } from './errors.ts';

/**
 * Kinds of device errors. The earlier kinds explain the later ones: a buffer without memory is invalid in its
 * use.
 */
const FILTERS: readonly GPUErrorFilter[] = ['out-of-memory', 'internal', 'validation'];

/** The only kind of error that a valid request for memory can have. */
export const NO_MEMORY: readonly GPUErrorFilter[] = ['out-of-memory'];

/** The operation or kernel that an error is blamed on. */
export interface Culprit {
  /** The operation. */
  readonly op: string;
  /** The name of its kernel, and the compiled code, if there are any. */
  readonly kernel?: string;
  readonly code?: string;
}

/** Finds the culprit by the device's message. */
export type FindCulprit = (message: string) => Culprit;

/** Catches the errors of a WebGPU device, which surface after the call that caused them. */
export class DeviceWatch {
  readonly #device: GPUDevice;
  #loss: DeviceError | null = null;
  #isEnded = false;

  constructor(device: GPUDevice) {
    this.#device = device;
    void this.#watchLoss();
  }

  /** The loss of the device; `null` while it works. */
  get lost(): DeviceError | null {
    return this.#loss;
  }

  /** Like {@link lost}, but waits one turn first: a rejected call can precede the loss event. */
  async whetherLost(): Promise<DeviceError | null> {
    // No specification says that the loss event precedes the errors that it causes.
    await new Promise((resolve) => {
      setTimeout(resolve);
    });
    return this.#loss;
  }

  /** Starts to catch errors, of all kinds or of these; {@link close} ends that. */
  open(filters: readonly GPUErrorFilter[] = FILTERS): void {
    for (const filter of filters) this.#device.pushErrorScope(filter);
  }

  /**
   * Stops catching errors, which {@link open} began.
   *
   * @param failure The kind to report for errors other than a lack of memory. Default: the device's kind.
   * @param filters The same as in the call of `open`.
   * @returns the first error in between, or `null`; resolves when the device has answered
   */
  async close(
    culprit: FindCulprit,
    failure?: DeviceFailure,
    filters: readonly GPUErrorFilter[] = FILTERS,
  ): Promise<DeviceError | null> {
    // On a lost device this rejects; `lost` has the reason.
    const scopes = filters.map(() => this.#device.popErrorScope().catch(() => null)).reverse();
    const errors = await Promise.all(scopes);
    const at = errors.findIndex((error) => error !== null);
    if (at === -1) return null;
    const message = errors[at]?.message ?? '';
    const { op, kernel, code } = culprit(message);
    if (filters[at] !== 'out-of-memory') {
      return new DeviceError(op, failure ?? filters[at], message, { kernel, source: code });
    }
    const hint = `${message} Use smaller batches or parts.`;
    return new DeviceError(op, 'out-of-memory', hint, { kernel, source: code });
  }

  /** From now on, the device is lost on purpose. */
  end(): void {
    this.#isEnded = true;
  }

  async #watchLoss(): Promise<void> {
    const { message } = await this.#device.lost;
    this.#loss = this.#isEnded
      ? disposed()
      : new DeviceError(
          'gpu',
          'lost',
          `the device was lost (${message}). Make a new backend with gpuBackend(), and the tensors anew.`,
        );
  }
}

/** The error for a device that was ended on purpose. */
export function disposed(): DeviceError {
  return new DeviceError(
    'gpu',
    'lost',
    'the backend was disposed. Make a new one with gpuBackend().',
  );
}
