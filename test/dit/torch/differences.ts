/** How far two trainings are from one another, in losses and in all tensors of their states. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSafetensors } from '@tessera/tensor';
import { readLog } from '@tessera/dit/node';
import { expect } from 'vitest';
import { STEPS } from './exported-runs.ts';

/** Numbers by the names of tensors. */
export type Tensors = ReadonlyMap<string, ArrayLike<number>>;

/** The tensors of a file. */
export async function tensorsOf(path: string): Promise<Tensors> {
  const { tensors } = decodeSafetensors(await readFile(path), path);
  return new Map([...tensors].map(([name, each]) => [name, each.data]));
}

/** The largest difference of two arrays of one length. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
}

/** The losses of the diffusion in the log of a folder. */
export async function lossesOf(run: string): Promise<number[]> {
  const rows = await readLog(join(run, 'log.jsonl'));
  return rows.filter(({ stage }) => stage === 'diffusion').map(({ loss }) => loss);
}

/**
 * The names of tensors that differ by more than rounding. The gradient of a bias of keys is 0, because a softmax does
 * not change with it; what rounding leaves of it, AdamW makes a step of up to the learning rate, here 1e-3 and less.
 * All others agree to 2e-5: steps of that size, each to about three digits where a gradient is nearly 0.
 */
export function oddTensors(a: Tensors, b: Tensors, steps = STEPS): string[] {
  expect([...b.keys()].sort()).toEqual([...a.keys()].sort());
  return [...a].flatMap(([name, values]) => {
    const most = /\.(?:qkv|kv)\.bias$/.test(name) ? steps * 1e-3 : 2e-5;
    const found = distance(values, b.get(name) ?? []);
    return found <= most ? [] : [`${name}: ${found}`];
  });
}
