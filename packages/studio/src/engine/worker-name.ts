// The name of a worker, by which the page tells it what it is for.

import type { Device } from './service.ts';

/** What a worker is for. */
export interface WorkerTask {
  /** The name of its service in `service-table.ts`. */
  readonly service: string;
  readonly device: Device;
}

/** The name of a worker. */
export function workerName({ service, device }: WorkerTask): string {
  return `${service} on ${device}`;
}

/** The opposite of {@link workerName}. */
export function readWorkerName(name: string): WorkerTask {
  const [service, device] = name.split(' on ');
  return { service, device: device === 'webgpu' ? 'webgpu' : 'processor' };
}
