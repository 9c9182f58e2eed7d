// The one WebGPU device of all gpu.js instances, used in turns so that error scopes never cross.

import { noDevice, reportOf, webGpu } from './device.ts';
import { DeviceWatch, type Culprit } from './device-watch.ts';
import type { DeviceReport } from './report.ts';
import { DeviceError, internalIn } from './errors.ts';
import type { GpuJs, SharedContext } from './gpu-js.ts';

/** The devices that gpu.js has opened. */
const devices = new WeakMap<GPUDevice, SharedDevice>();

/**
 * The one WebGPU device on which all instances of gpu.js compute. Its errors are caught in scopes, which form
 * a single stack per device. So everyone waits for a turn, and the scopes of two users never cross.
 */
export class SharedDevice {
  readonly device: GPUDevice;
  /** The device that gpu.js has opened; it may differ from the one of {@link webGpu}. */
  readonly report: DeviceReport;
  readonly #context: SharedContext;
  readonly #watch: DeviceWatch;
  /** The end of the queue; it never fails. */
  #tail: Promise<unknown> = Promise.resolve();
  #users = 0;
  #isClosed = false;

  private constructor(context: SharedContext, device: GPUDevice, report: DeviceReport) {
    this.#context = context;
    this.device = device;
    this.report = report;
    this.#watch = new DeviceWatch(device);
  }

  /**
   * Joins the device of gpu.js, which the first user opens. Every user must {@link leave} it.
   *
   * @throws DeviceError if gpu.js has no such mode, or finds no adapter
   */
  static async join({ WebGPUContext: context }: GpuJs): Promise<SharedDevice> {
    if (context === undefined) {
      throw new DeviceError(
        'gpuBackend',
        'unavailable',
        'gpu.js exports no WebGPUContext. Install gpu.js@2.24.1.',
      );
    }
    // gpu.js looks for WebGPU, but loads none.
    await webGpu();
    for (;;) {
      const { adapter, device } = await context.acquire().catch((error: unknown) => {
        throw noDevice(error);
      });
      let shared = devices.get(device);
      if (shared === undefined) {
        shared = new SharedDevice(context, device, reportOf(adapter, device, 'gpu.js'));
        devices.set(device, shared);
      }
      if (shared.#isClosed) continue;
      shared.#users++;
      return shared;
    }
  }

  /** The loss of the device; `null` while it works. */
  get lost(): DeviceError | null {
    return this.#watch.lost;
  }

  /** Like {@link lost}, but waits one turn first: a rejected call can precede the loss event. */
  whetherLost(): Promise<DeviceError | null> {
    return this.#watch.whetherLost();
  }

  /**
   * Runs work when its turn comes. It does not run if the device is lost by then: for a kernel that is not
   * built yet, gpu.js would open another device.
   *
   * @param culprit The operation to blame if the device refuses it.
   * @param refuse Makes the error for what `work` throws while the device works. Default: an internal error.
   * @returns why it failed, or `null`; resolves when the device has answered, and never rejects
   */
  async work(
    culprit: Culprit,
    work: () => Promise<void> | void,
    refuse = (error: unknown): DeviceError => internalIn(culprit.op, error),
  ): Promise<DeviceError | null> {
    const turn = this.#tail.then(async () => {
      if (this.lost !== null) return { refused: this.lost, caught: null };
      this.#watch.open();
      let refused: DeviceError | null = null;
      try {
        await work();
      } catch (error) {
        refused = (await this.whetherLost()) ?? refuse(error);
      }
      // The next turn need not wait for the device's answer to this one.
      return { refused, caught: this.#watch.close(() => culprit) };
    });
    this.#tail = turn;
    const { refused, caught } = await turn;
    const failure = await caught;
    return refused ?? failure;
  }

  /**
   * Ends one user's use of the device; the last user ends the device.
   *
   * @param end The user's last work, run after all turns even if the device is lost. Default: nothing.
   */
  async leave(end: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const last = this.#tail.then(end);
    this.#tail = last.catch(() => undefined);
    try {
      await last;
    } finally {
      await this.#release();
    }
  }

  async #release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    this.#isClosed = true;
    this.#watch.end();
    // After a loss, gpu.js may have opened another device.
    if (this.lost === null) await this.#context.destroy();
    await this.device.lost;
  }
}
