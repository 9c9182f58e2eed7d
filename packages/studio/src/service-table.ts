// The services of the rooms that compute, each loaded by the worker of its room.

import type { Service } from './engine/service.ts';

/** A row for each service, under the name that its room gives to `engineOf`. */
export const services: Readonly<Record<string, () => Promise<Service>>> = {
  draw: async () => (await import('./rooms/draw/draw-service.ts')).drawService,
  train: async () => (await import('./rooms/train/train-service.ts')).trainService,
  transformer: async () =>
    (await import('./rooms/transformer/transformer-service.ts')).transformerService,
};
