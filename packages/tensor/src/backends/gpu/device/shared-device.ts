// The one WebGPU device of all gpu.js instances, used in turns so that error scopes never cross.

import { noDevice, reportOf, webGpu } from './device.ts';
import { DeviceWatch, type Culprit } from './device-watch.ts';
import type { DeviceReport } from './report.ts';
import { DeviceError, internalIn } from './errors.ts';
import type { GpuJs, SharedContext } from './gpu-js.ts';

/** The devices that gpu.js has opened. */
const devices = new WeakMap<GPUDevice, SharedDevice>();

/**
 * The one WebGPU device on which all instances of gpu.js compute. Its errors are caught in scopes, which
 * are a stack of the device; so whoever works on it waits for a turn, and the scopes of two never cross.
 */
export class SharedDevice {
  readonly device: GPUDevice;
  /** What gpu.js has opened, which need not be what {@link webGpu} gives to others. */
  readonly report: DeviceReport;
  private readonly context: SharedContext;
  private readonly watch: DeviceWatch;
  /** The end of the queue; it never fails. */
  private tail: Promise<unknown> = Promise.resolve();
  private users = 0;
  private isClosed = false;

  private constructor(context: SharedContext, device: GPUDevice, report: DeviceReport) {
    this.context = context;
    this.device = device;
    this.report = report;
    this.watch = new DeviceWatch(device);
  }

  /**
   * The device of gpu.js, which is opened for the first who asks. Everyone must {@link leave} it.
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
      if (shared.isClosed) continue;
      shared.users++;
      return shared;
    }
  }

  /** Why nothing works any more; `null` while it does. */
  get lost(): DeviceError | null {
    return this.watch.lost;
  }

  /** As {@link lost}, for who has met an error that may be the first sign of it. */
  whetherLost(): Promise<DeviceError | null> {
    return this.watch.whetherLost();
  }

  /**
   * Lets work wait for its turn, which does not come if the device is lost by then: gpu.js would open
   * another one for a kernel that it has not built yet.
   *
   * @param culprit Who is at fault if the device refuses it.
   * @param refuse The error for what `work` throws while the device works; default an internal one.
   * @returns why it failed, or `null`, once the device has said so; never rejects
   */
  async work(
    culprit: Culprit,
    work: () => Promise<void> | void,
    refuse = (error: unknown): DeviceError => internalIn(culprit.op, error),
  ): Promise<DeviceError | null> {
    const turn = this.tail.then(async () => {
      if (this.lost !== null) return { refused: this.lost, caught: null };
      this.watch.open();
      let refused: DeviceError | null = null;
      try {
        await work();
      } catch (error) {
        refused = (await this.whetherLost()) ?? refuse(error);
      }
      // The next turn need not wait for what the device says of this one.
      return { refused, caught: this.watch.close(() => culprit) };
    });
    this.tail = turn;
    const { refused, caught } = await turn;
    const failure = await caught;
    return refused ?? failure;
  }

  /**
   * Ends the use of the device by one, and the device with the last.
   *
   * @param end What is left to do for the one when all turns are over, even if the device is lost; default
   *   nothing.
   */
  async leave(end: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const last = this.tail.then(end);
    this.tail = last.catch(() => undefined);
    try {
      await last;
    } finally {
      await this.release();
    }
  }

  private async release(): Promise<void> {
    this.users--;
    if (this.users > 0) return;
    this.isClosed = true;
    this.watch.end();
    // After a loss, gpu.js may have opened another one.
    if (this.lost === null) await this.context.destroy();
    await this.device.lost;
  }
}
