import { DeviceError, type DeviceFailure } from './errors.ts';

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal'];

/** A kernel at fault, and what was compiled for it. */
export interface Culprit {
  readonly name: string;
  readonly code: string;
}

/** Who is at fault, given the device's message. */
export type FindCulprit = (message: string) => Culprit | undefined;

/**
 * Catches the errors of a WebGPU device, which surface after the call that caused them, and keeps the
 * first for whoever reads values next.
 */
export class DeviceWatch {
  private readonly device: GPUDevice;
  private readonly checks = new Set<Promise<void>>();
  private failure: DeviceError | null = null;
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

  /** Catches errors of all kinds from here to {@link close}. */
  open(): void {
    for (const filter of FILTERS) this.device.pushErrorScope(filter);
  }

  /**
   * Ends what {@link open} began. Resolves when the device has said what became of it; before that,
   * `onFailure` hears of each error.
   */
  async close(culprit: FindCulprit, onFailure?: (failure: DeviceError) => void): Promise<void> {
    const checks = [...FILTERS]
      .reverse()
      .map((filter) => this.watch(this.device.popErrorScope(), filter, culprit, onFailure));
    await Promise.all(checks);
  }

  /** Catches validation errors of `work`, which compiles a kernel. */
  compiling<T>(work: () => T, culprit: FindCulprit): T {
    this.device.pushErrorScope('validation');
    try {
      return work();
    } finally {
      void this.watch(this.device.popErrorScope(), 'compilation', culprit);
    }
  }

  /** Keeps an error, unless an earlier one waits to be told. */
  fail(failure: DeviceError): void {
    this.failure ??= failure;
  }

  /** Waits until the device has said what went wrong so far, and gives the first failure, once. */
  async settle(): Promise<DeviceError | null> {
    await Promise.all(this.checks);
    const { failure } = this;
    this.failure = null;
    return failure ?? this.loss;
  }

  /** From now on, the loss of the device is on purpose. */
  end(): void {
    this.isEnded = true;
  }

  private async watchLoss(): Promise<void> {
    const { message } = await this.device.lost;
    this.loss = new DeviceError(
      'gpu',
      'lost',
      this.isEnded
        ? 'the backend was disposed. Make a new one with gpuBackend().'
        : `the device was lost (${message}). Make a new backend with gpuBackend(), and the tensors anew.`,
    );
  }

  private watch(
    scope: Promise<GPUError | null>,
    failure: DeviceFailure,
    culprit: FindCulprit,
    onFailure?: (failure: DeviceError) => void,
  ): Promise<void> {
    const check = this.keepError(scope, failure, culprit, onFailure).finally(() => {
      this.checks.delete(check);
    });
    this.checks.add(check);
    return check;
  }

  private async keepError(
    scope: Promise<GPUError | null>,
    failure: DeviceFailure,
    culprit: FindCulprit,
    onFailure?: (failure: DeviceError) => void,
  ): Promise<void> {
    // A lost device rejects; `lost` has the reason.
    const error = await scope.catch(() => null);
    if (error === null) return;
    const { name, code } = culprit(error.message) ?? {};
    const kept = new DeviceError(name ?? 'gpu', failure, error.message, name, code);
    onFailure?.(kept);
    this.fail(kept);
  }
}
