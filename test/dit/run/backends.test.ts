import { cpuBackend, defaultBackend, setDefaultBackend, type Backend } from '@tessera/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withBackend } from '../../../packages/dit/src/run/backends.ts';

let before: Backend | null = null;

beforeEach(() => {
  before = setDefaultBackend(null);
});

afterEach(() => {
  setDefaultBackend(before);
});

/** The name of the default backend, after a moment in which others could change it. */
async function nameLater(): Promise<string> {
  await Promise.resolve();
  return defaultBackend().name;
}

describe('withBackend', () => {
  it('makes no backend but the one that was asked for', async () => {
    // `null`: nobody has needed the default one, so there is none.
    expect(await withBackend('cpu', nameLater)).toBe('cpu');
    expect(setDefaultBackend(null)).toBeNull();
    expect(await withBackend('wasm', nameLater)).toBe('wasm');
    expect(setDefaultBackend(null)).toBeNull();
  });

  it('may be nested, also in itself: each puts back what it found', async () => {
    const mine = cpuBackend();
    setDefaultBackend(mine);
    const seen: Backend[] = [];
    const look = (): Promise<void> => {
      seen.push(defaultBackend());
      return Promise.resolve();
    };
    await withBackend('wasm', async () => {
      await look();
      await withBackend('cpu', look);
      await look();
      await withBackend('wasm', look);
      await look();
    });
    await look();
    expect(seen.map(({ name }) => name)).toEqual(['wasm', 'cpu', 'wasm', 'wasm', 'wasm', 'cpu']);
    expect(seen[2]).toBe(seen[0]);
    expect(seen[3]).not.toBe(seen[0]);
    expect(seen[4]).toBe(seen[0]);
    expect(seen[5]).toBe(mine);
  });

  it('puts things back when the work fails, in either of two', async () => {
    const mine = cpuBackend();
    setDefaultBackend(mine);
    const fail = (): Promise<never> => Promise.reject(new RangeError('of the work'));
    await withBackend('wasm', async () => {
      const outer = defaultBackend();
      await expect(withBackend('cpu', fail)).rejects.toThrow('of the work');
      expect(defaultBackend()).toBe(outer);
    });
    await expect(withBackend('wasm', () => withBackend('cpu', fail))).rejects.toThrow(
      'of the work',
    );
    expect(defaultBackend()).toBe(mine);
  });
});
