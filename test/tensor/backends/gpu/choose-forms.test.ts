import { DeviceError, gpuBackend } from '@tessera/tensor/gpu';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { chooseForms } from '../../../../packages/tensor/src/backends/gpu/start/choose-forms.ts';
import { openDevice, webGpu } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import { problemOfEntries } from '../../../../packages/tensor/src/backends/gpu/start/entry-check.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { COPY, failureOf, skipped } from './device-failures.ts';

/** Makes of the WGSL of a kernel what its driver runs instead. */
type Change = (code: string, kernel: string) => string;

const opened: WebGpuEngine[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map((engine) => engine.dispose()));
});

/** An engine whose driver changes kernels with workgroup memory. */
async function engineOn(change: Change = (code) => code): Promise<WebGpuEngine> {
  const { device, report } = await openDevice();
  const create = device.createShaderModule.bind(device);
  vi.spyOn(device, 'createShaderModule').mockImplementation(({ code, label = '' }) =>
    create({ label, code: code.includes('var<workgroup>') ? change(code, label) : code }),
  );
  const engine = new WebGpuEngine(device, await loadGpuJs(), report);
  opened.push(engine);
  return engine;
}

/** A text without the words of the driver. */
const withoutReason = (text: string): string => text.replace(/\(Error [^)]*\)/, '(…)');

/** The message of the error that a promise is rejected with. */
const refusalOf = async (work: Promise<unknown>): Promise<string> =>
  withoutReason((await failureOf(work)).message);

/** Replaces all there is of a pattern. */
const replacing =
  (pattern: RegExp, replacement: string): Change =>
  (code) =>
    code.replaceAll(pattern, replacement);

/** Loads 0 where a number has bits for which a condition holds. */
const loadingZero = (condition: string): Change =>
  replacing(
    /let x0 = (user_a0\[[^\]]*\]);/g,
    `let bits = bitcast<u32>($1);\nlet x0 = select($1, 0.0, ${condition});`,
  );

/** The barrier behind a piece of text is not there. */
const withoutBarrier = (before: RegExp): Change =>
  replacing(new RegExp(`(${before.source}[\\s\\S]*?)workgroupBarrier\\(\\);`, 'g'), '$1');

const BROKEN: readonly (readonly [what: string, kernel: string, change: Change])[] = [
  ['rows with NaN', 'logSoftmax', loadingZero('(bits & 0x7fffffffu) > 0x7f800000u')],
  ['rows with infinity', 'logSoftmax', loadingZero('bits == 0x7f800000u')],
  ['rows of −∞ alone', 'logSoftmax', loadingZero('bits == 0xff800000u')],
  [
    'strided lanes',
    'layerNormGrad',
    replacing(/let lane = i32\(thread\) \/ (\d+);/g, 'let lane = i32(thread) / $1 * 0;'),
  ],
  [
    'several folds of a pass',
    'layerNormGrad',
    replacing(/all_cotangents\[place\] = own_cotangents/g, 'all_cotangents[place] = own_total'),
  ],
  [
    'a row of a whole workgroup',
    'logSumExp',
    replacing(/other < place - lane \+ 64;/g, 'other < place - lane + 63;'),
  ],
  [
    'a second tile of E',
    'attention',
    replacing(/firstStep < \d+; firstStep \+= (\d+)/g, 'firstStep < $1; firstStep += $1'),
  ],
  [
    'a second block of keys',
    'attention',
    replacing(/firstKey < \d+; firstKey \+= (\d+)/g, 'firstKey < $1; firstKey += $1'),
  ],
  [
    'a second tile of v',
    'attention',
    replacing(/firstRow < min\([^)]*\); firstRow \+= (\d+)/g, 'firstRow < $1; firstRow += $1'),
  ],
  [
    'a second group of queries',
    'attention',
    replacing(/let firstQuery = (i32\(group\.x\)) \* (\d+);/g, 'let firstQuery = $1 * ($2 + 1);'),
  ],
  [
    'the barrier behind the loading of a tile of q and k',
    'attention',
    withoutBarrier(/firstStep \+=/),
  ],
  [
    'the barrier behind the use of a tile of q and k',
    'attention',
    withoutBarrier(/for \(var e = 0/),
  ],
  ['the barrier behind the largest logits', 'attention', withoutBarrier(/largest\d;\n/)],
  ['the barrier behind the loading of a tile of v', 'attention', withoutBarrier(/let column = at/)],
  ['the barrier behind the use of a tile of v', 'attention', withoutBarrier(/for \(var j = 0/)],
  ['the barrier behind the sums', 'attention', withoutBarrier(/= total0;/)],
  ['the barrier of rows', 'layerNormGrad', replacing(/workgroupBarrier\(\);/g, '')],
];

describe.skipIf(skipped !== null)(
  `kernels whose threads share memory${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
    it.each([8, 128])('are right, a thread for %i elements', async (elementsOfThread) => {
      expect(await problemOfEntries(await engineOn(), elementsOfThread, true)).toBeNull();
    });

    it.each(BROKEN)('are found wrong without %s', async (_, kernel, change) => {
      const engine = await engineOn(change);
      const problem = await problemOfEntries(engine, 8, true);
      expect(problem).toMatch(new RegExp(`^element \\d+ of ${kernel} of `));
    });

    describe('that a driver refuses', () => {
      const refuse: Change = (code) => code.replace('var<workgroup>', 'no WGSL');
      const refuseAttention: Change = (code, kernel) =>
        kernel === 'attention' ? refuse(code, kernel) : code;

      it('are no form to choose, and the reason is told', async () => {
        const engine = await engineOn(refuse);
        const problems = await chooseForms(engine, { products: 'measured', composites: 'checked' });
        const { products, composites } = engine.report;
        expect([products?.milliseconds.tiled, composites]).toEqual([null, 'decomposed']);
        expect(products?.fastest).not.toBe('tiled');
        expect(products?.milliseconds.blocked).toBeGreaterThan(0);
        expect(problems.map(withoutReason)).toMatchInlineSnapshot(`
          [
            "Products are not tiled: the device refuses matmul to time (…).",
            "Composites are decomposed: as kernels whose threads share memory, the device refuses logSoftmax (…).",
          ]
        `);
        const memory = engine.upload(new Float32Array(4));
        const copy = engine.run(engine.compile(COPY), [memory]);
        expect(await engine.read(copy)).toEqual(new Float32Array(4));
      });

      it('are an error where they were asked for', async () => {
        const [all, attention] = [await engineOn(refuse), await engineOn(refuseAttention)];
        const fused = { products: 'plain', composites: 'fused' } as const;
        const tiled = { products: 'tiled', composites: 'decomposed' } as const;
        expect(await refusalOf(chooseForms(all, fused))).toMatchInlineSnapshot(
          `"gpuBackend: composites: 'fused' was asked for, but the device refuses logSoftmax (…). Leave composites out, or pass 'decomposed'."`,
        );
        expect(await refusalOf(chooseForms(all, tiled))).toMatchInlineSnapshot(
          `"gpuBackend: products: 'tiled' was asked for, but the device refuses matmul to time (…). Leave products out, or pass 'plain'."`,
        );
        expect(await refusalOf(chooseForms(attention, fused))).toMatchInlineSnapshot(
          `"gpuBackend: composites: 'fused' was asked for, but the device refuses attention (…). Leave composites out, or pass 'decomposed'."`,
        );
      });
    });

    it('that are wrong are no form to choose, and the reason is told', async () => {
      const double: Change = (code) =>
        code.replaceAll(/(result\[[^\]]*\]) = ([^;]*);/g, '$1 = 2.0 * ($2);');
      const engine = await engineOn(double);
      const problems = await chooseForms(engine, { products: 'measured', composites: 'checked' });
      expect(problems).toEqual([
        expect.stringMatching(
          /^Products are not tiled: element 0 of one is \S+, but \S+ if plain\.$/,
        ),
        expect.stringMatching(
          /^Composites are decomposed: as kernels whose threads share memory, element \d+ of logSoftmax of \[4, \d+\] is \S+, but \S+ where each thread works alone\.$/,
        ),
      ]);
    });

    it('that cannot be translated are an error, since that is no fault of the device', async () => {
      const engine = await engineOn();
      const compileAs = engine.compileAs.bind(engine);
      vi.spyOn(engine, 'compileAs').mockImplementation((source, form, elements) => {
        if (form !== 'blocked') return compileAs(source, form, elements);
        throw new DeviceError('matmul', 'internal', 'the WGSL has no stores of a vector.');
      });
      const chosen = chooseForms(engine, { products: 'measured', composites: 'decomposed' });
      await expect(chosen).rejects.toThrow('no stores of a vector');
    });

    it('what a backend must do without stands in its choice', async () => {
      await webGpu();
      const create = GPUDevice.prototype.createShaderModule;
      vi.spyOn(GPUDevice.prototype, 'createShaderModule').mockImplementation(function (
        this: GPUDevice,
        { code, ...rest },
      ) {
        return create.call(this, { ...rest, code: code.replace('var<workgroup>', 'no WGSL') });
      });
      const backend = await gpuBackend({ mode: 'webgpu' });
      expect(backend.choice.split('\n').map((line) => line.split(':')[0])).toEqual([
        'mode webgpu was asked for.',
        'Products are not tiled',
        'Composites are decomposed',
      ]);
      await backend.dispose();
    });

    it('are not chosen on a device that is lost', async () => {
      const engine = await engineOn();
      await engine.dispose();
      const chosen = chooseForms(engine, { products: 'plain', composites: 'checked' });
      await expect(chosen).rejects.toMatchObject({ failure: 'lost' });
    });
  },
);
