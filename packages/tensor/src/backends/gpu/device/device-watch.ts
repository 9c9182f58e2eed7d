// Catches the errors of a WebGPU device, which surface later than the call that caused them.

import { DeviceError, type DeviceFailure } from './errors.ts';

/** Of the errors of a device, the first kinds explain the later ones: who gets no memory uses it in vain. */
const FILTERS: readonly GPUErrorFilter[] = ['out-of-memory', 'internal', 'validation'];

/** The kind of errors that a well-formed wish for memory can have. */
export const NO_MEMORY: readonly GPUErrorFilter[] = ['out-of-memory'];

/** Who is at fault. */
export interface Culprit {
  /** The operation. */
  readonly op: string;
  /** Its kernel, if it has one, and what was compiled for it. */
  readonly kernel?: string;
  readonly code?: string;
}

/** Who is at fault, given the device's message. */
export type FindCulprit = (message: string) => Culprit;

/** Catches the errors of a WebGPU device, which surface after the call that caused them. */
export class DeviceWatch {
  private readonly device: GPUDevice;
  private loss: DeviceError | null = null;
  private isEnded = false;

  constructor(device: GPUDevice) {
    this.device = device;
    void this.watchLoss();
  }

  /** Why nothing works any more; `null` while it does. */
  get lost(): DeviceError | null {
    return this.loss;
  }

  /** As {@link lost}, for who has met an error that may be the first sign of it. */
  async whetherLost(): Promise<DeviceError | null> {
    // Nothing says that a device tells its loss before what it refuses for that: it is given one turn.
    await new Promise((resolve) => {
      setTimeout(resolve);
    });
    return this.loss;
  }

  /** Catches errors of all kinds, or of these, from here to {@link close}. */
  open(filters: readonly GPUErrorFilter[] = FILTERS): void {
    for (const filter of filters) this.device.pushErrorScope(filter);
  }

  /**
   * Ends what {@link open} began.
   *
   * @param failure What an error is called that is not for lack of memory. Default: its kind.
   * @param filters As it was opened with.
   * @returns what went wrong in between, or `null`, once the device has said so
   */
  async close(
    culprit: FindCulprit,
    failure?: DeviceFailure,
    filters: readonly GPUErrorFilter[] = FILTERS,
  ): Promise<DeviceError | null> {
    // A lost device rejects; `lost` has the reason.
    const scopes = filters.map(() => this.device.popErrorScope().catch(() => null)).reverse();
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

  /** From now on, the loss of the device is on purpose. */
  end(): void {
    this.isEnded = true;
  }

  private async watchLoss(): Promise<void> {
    const { message } = await this.device.lost;
    this.loss = this.isEnded
      ? disposed()
      : new DeviceError(
          'gpu',
          'lost',
          `the device was lost (${message}). Make a new backend with gpuBackend(), and the tensors anew.`,
        );
  }
}

/** The loss of a device on purpose. */
export function disposed(): DeviceError {
  return new DeviceError(
    'gpu',
    'lost',
    'the backend was disposed. Make a new one with gpuBackend().',
  );
}
