import { DeviceError } from '@tessera/tensor/gpu';
import { expect } from 'vitest';

/** What a promise is rejected with, which must be a DeviceError. */
export async function failureOf(work: Promise<unknown>): Promise<DeviceError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeviceError);
  return error as DeviceError;
}
