import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiT, zoo } from '@tessera/dit';
import { namedTensors } from '@tessera/autograd/nn';
import { describe, expect, it } from 'vitest';
import { magnitude } from '../../benchmarks/contenders/contender.ts';
import { peakModule } from '../../benchmarks/contenders/wasm-peak-module.ts';
import { readArrays, writeArrays } from '../../benchmarks/works/array-files.ts';
import { makeArrays } from '../../benchmarks/works/arrays.ts';
import {
  forwardFlops,
  MODELS,
  parameterShapes,
  positionTable,
  type ModelName,
} from '../../benchmarks/works/dit.ts';
import { WORKS } from '../../benchmarks/works/works.ts';

const models: readonly ModelName[] = ['tiny', 's'];

/** The same model as Tessera builds it. */
function modelOf(name: ModelName): DiT {
  const { width: hiddenSize, depth, heads: numHeads } = MODELS[name];
  const sizes = { inputSize: 14, numClasses: 10, learnSigma: false, hiddenSize, depth, numHeads };
  return DiT.blank({ ...zoo['DiT-S/2'], ...sizes });
}

describe('the models', () => {
  it.each([
    ['tiny', 1_869_072, 7.98e9],
    ['s', 32_478_736, 34.3e9],
  ] as const)('%s has as many parameters and operations as was measured', (name, count, flops) => {
    const sizes = parameterShapes(name).map(([, shape]) => shape.reduce((a, b) => a * b, 1));
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(count);
    // The figures are rounded to three digits.
    expect(forwardFlops(name, MODELS[name].batch) / flops).toBeCloseTo(1, 2);
  });

  it.each(models)('%s has the parameters of our own model', (name) => {
    const own = namedTensors(modelOf(name)).filter(([path]) => path !== 'pos_embed');
    const shapes = own.map(([path, { shape }]) => [path, [...shape]] as const);
    const byPath = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
      a[0] < b[0] ? -1 : 1;
    expect([...parameterShapes(name)].sort(byPath)).toEqual(shapes.sort(byPath));
  });

  it('have the positions of our own model', async () => {
    const { value } = modelOf('tiny').pos_embed;
    expect([...positionTable(128)]).toEqual([...(await value.data())]);
  });
});

// DiT-S is left out: its parameters come from the same code, and take seconds.
const made = WORKS.filter(({ kind, name }) => kind !== 'peak' && name !== 'step-s');

describe('the arrays of a work', () => {
  it.each(made.map((work) => [work.name, work] as const))('of %s are finite', (_, work) => {
    const sizes = Object.values(makeArrays(work)).map(({ data }) => magnitude(data));
    expect(sizes.every((size) => size > 0 && size < Infinity)).toBe(true);
  });

  it('come from seeds, and are read as they were written', () => {
    const work = WORKS.find(({ name }) => name === 'attention-grad') ?? WORKS[0];
    const folder = mkdtempSync(join(tmpdir(), 'tessera-arrays-'));
    const arrays = makeArrays(work);
    writeArrays(folder, work.name, arrays);
    expect(readArrays(folder, work.name)).toEqual(makeArrays(work));
    expect(Object.keys(arrays)).toEqual(['q', 'k', 'v', 'cotangent']);
    rmSync(folder, { recursive: true });
  });
});

describe('the peak loop', () => {
  it('is a module that updates twelve vectors', async () => {
    const { instance } = await WebAssembly.instantiate(peakModule('mul-add'));
    const run = instance.exports.run as (...args: readonly number[]) => number;
    // a ← a/2 + 1, from 0: 2 − 2^(1 − n) after n updates, 4 in a round.
    expect(run(1, 0.5, 1)).toBe(12 * 1.875);
    expect(run(100, 0.5, 1)).toBe(24);
  });
});
