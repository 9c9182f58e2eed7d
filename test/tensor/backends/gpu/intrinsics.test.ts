import { describe, expect, it } from 'vitest';
import {
  openDevice,
  plainReport,
} from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import type { KernelSource } from '../../../../packages/tensor/src/backends/gpu/kernel/dispatch.ts';
import type { Engine } from '../../../../packages/tensor/src/backends/gpu/device/engine.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/engines/handle-engine.ts';
import { QueuedEngine } from '../../../../packages/tensor/src/backends/gpu/engines/queued-engine.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { modesUnderTest } from '../../../gpu/modes.ts';

async function openEngine(mode: string, executor: string): Promise<Engine> {
  const library = await loadGpuJs();
  if (mode === 'cpu' || mode === 'webasm') {
    return new HandleEngine(library, new library.GPU({ mode }), plainReport(mode, 'test'));
  }
  if (executor === 'gpu.js') return QueuedEngine.open(library);
  const { device, report } = await openDevice();
  return new WebGpuEngine(device, library, report);
}

/** The largest float32 there is. */
const [most] = Float32Array.of(3.4028235e38);
const SPECIAL = [NaN, Infinity, -Infinity, most, -most, 0, 1, -2.5];

/** Results by a kernel that returns `formula` of the elements of each list, `a0[i]`, `a1[i]`. */
async function evaluate(
  engine: Engine,
  formula: string,
  ...lists: readonly (readonly number[])[]
): Promise<number[]> {
  const names = lists.map((_, i) => `a${i}`);
  const source: KernelSource = {
    name: 'formula',
    text: `function (${names.join(', ')}) {\nreturn ${formula};\n}`,
    inputs: lists.length,
    output: [lists[0].length],
  };
  const operands = lists.map((list) => engine.upload(Float32Array.from(list)));
  return Array.from(await engine.read(engine.run(engine.compile(source), operands)));
}

for (const { name, mode, executor, skipped } of modesUnderTest()) {
  describe.skipIf(skipped !== null)(`numbers that are not finite, ${name}`, () => {
    it('the larger of two is NaN if either is', async () => {
      const engine = await openEngine(mode, executor);
      const pairs = SPECIAL.flatMap((a) => SPECIAL.map((b) => [a, b] as const));
      const [left, right] = [0, 1].map((side) => pairs.map((pair) => pair[side]));
      const found = await evaluate(
        engine,
        'larger(a0[this.thread.x], a1[this.thread.x])',
        left,
        right,
      );
      expect(found).toEqual(pairs.map(([a, b]) => Math.max(a, b)));
      await engine.dispose();
    });

    it('zeros have a sign, which decides odd powers', async () => {
      const engine = await openEngine(mode, executor);
      const numbers = [-0, 0, -2, 2, -Infinity, Infinity];
      const isNegative = await evaluate(engine, 'isNegative(a0[this.thread.x])', numbers);
      expect(isNegative).toEqual([1, 0, 1, 0, 1, 0]);
      for (const exponent of [-3, -2, 2, 3]) {
        const exponents = numbers.map(() => exponent);
        const formula = 'power(a0[this.thread.x], a1[this.thread.x])';
        const powers = await evaluate(engine, formula, numbers, exponents);
        powers.forEach((power, i) => {
          const wanted = numbers[i] ** exponent;
          expect(Object.is(power, wanted) || Math.abs(power - wanted) < 1e-5).toBe(true);
        });
      }
      await engine.dispose();
    });

    it('the largest finite number is finite', async () => {
      const engine = await openEngine(mode, executor);
      const finite = await evaluate(engine, 'finiteOrZero(a0[this.thread.x])', SPECIAL);
      expect(finite).toEqual(SPECIAL.map((x) => (Number.isFinite(x) ? x : 0)));
      const numbers = [NaN, Infinity, -1, 0, most, 4];
      const roots = await evaluate(engine, 'squareRoot(a0[this.thread.x])', numbers);
      expect(roots.slice(0, 4)).toEqual([NaN, Infinity, NaN, 0]);
      // The root of a GPU may be off by some units in the last place.
      expect(roots[4] / Math.sqrt(most)).toBeCloseTo(1, 6);
      const logarithms = await evaluate(engine, 'logarithm(a0[this.thread.x])', numbers);
      expect(logarithms.slice(0, 4)).toEqual([NaN, Infinity, NaN, -Infinity]);
      expect(logarithms[4] / Math.log(most)).toBeCloseTo(1, 6);
      await engine.dispose();
    });
  });
}
