import { composites, type Composite, type Params } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { webGpuSkipped } from '../../../gpu/modes.ts';
import { inputOf, type Input } from '../cpu/kernel-runs.ts';
import { contiguousInput, inputFor, inputWith, sizeOfCancelled } from '../composites.ts';
import { differences, SPECIAL_ROWS, type KernelForm } from './composite-runs.ts';
import { scriptEngine } from './script-engine.ts';

const { softmax, softmaxGrad, logSoftmax, logSumExp } = composites;
const { layerNormStatistics, layerNormGrad, attention, attentionGrad } = composites;

/** exp and log of a GPU are off by about 1e-6, and sums are of float32. */
const CLOSE = 5e-6;

const skipped = webGpuSkipped();

/** Every shape is a kernel to compile. */
const RUNS = { numRuns: 12 };

async function webGpuForm(elementsOfThread: number): Promise<KernelForm> {
  const { device, report } = await openDevice();
  const engine = new WebGpuEngine(device, await loadGpuJs(), report);
  return { engine, compile: (source) => engine.compileAs(source, 'tiled', elementsOfThread) };
}

/** The texts themselves, which the entries stand for. */
async function textForm(): Promise<KernelForm> {
  const engine = await scriptEngine();
  return { engine, compile: (source) => engine.compile(source) };
}

const forms = [
  { name: 'entries, a thread for 8 elements', isSkipped: skipped, open: () => webGpuForm(8) },
  { name: 'entries, a thread for 128 elements', isSkipped: skipped, open: () => webGpuForm(128) },
  { name: 'texts in mode cpu', isSkipped: null, open: textForm },
];

/** Shapes with an axis: odd sizes, sizes of 1, none, rows of several threads. */
const spaces = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 7, max: 150 })), {
    minLength: 1,
    maxLength: 3,
  })
  .filter((shape) => shape.reduce((n, size) => n * size, 1) < 20_000)
  .chain((shape) => fc.record({ shape: fc.constant(shape), axis: fc.nat(shape.length - 1) }));

const attentionSizes = fc.record({
  batch: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
  T: fc.integer({ min: 0, max: 37 }),
  S: fc.integer({ min: 0, max: 37 }),
  E: fc.integer({ min: 0, max: 11 }),
  F: fc.integer({ min: 0, max: 11 }),
  scale: fc.constantFrom(0.25, 1, -0.5, 0),
});

for (const { name, isSkipped, open } of forms) {
  describe.skipIf(isSkipped !== null)(
    `composites by ${name}${isSkipped === null ? '' : ` (skipped: ${isSkipped})`}`,
    () => {
      let form: KernelForm;

      beforeAll(async () => {
        form = await open();
      });
      afterAll(() => form.engine.dispose());

      const checkAsDefined = async <P extends Params>(
        composite: Composite<P>,
        params: P,
        inputs: readonly Input[],
        tolerance = CLOSE,
      ): Promise<void> => {
        const found = await differences(form, composite, params, inputs, tolerance);
        expect(found.slice(0, 3), composite.name).toEqual([]);
      };

      it('softmax, its gradient, logSoftmax and logSumExp along any axis of any view', async () => {
        const cases = spaces.chain(({ shape, axis }) =>
          fc.tuple(inputOf(shape), inputOf(shape), fc.constant(axis)),
        );
        await fc.assert(
          fc.asyncProperty(cases, async ([x, cotangent, axis]) => {
            for (const composite of [softmax, logSoftmax, logSumExp]) {
              await checkAsDefined(composite, { axis }, [x]);
            }
            await checkAsDefined(softmaxGrad, { axis }, [x, cotangent]);
          }),
          RUNS,
        );
      });

      it('layerNormStatistics and layerNormGrad of any view', async () => {
        const cases = spaces.chain(({ shape }) => fc.tuple(inputOf(shape), inputOf(shape)));
        await fc.assert(
          fc.asyncProperty(cases, async ([x, cotangent]) => {
            await checkAsDefined(layerNormStatistics, { eps: 0.1 }, [x]);
            await checkAsDefined(layerNormGrad, { eps: 0.1 }, [x, cotangent]);
          }),
          RUNS,
        );
      });

      it.each([
        ['rows', [11, 5], 1, SPECIAL_ROWS.flat()],
        ['columns', [5, 11], 0, [0, 1, 2, 3, 4].flatMap((i) => SPECIAL_ROWS.map((row) => row[i]))],
        [
          'long rows',
          [11, 5 * 14],
          1,
          SPECIAL_ROWS.flatMap((row) => Array.from({ length: 14 }, () => row).flat()),
        ],
      ])('NaN, infinities and large numbers in %s', async (_name, shape, axis, elements) => {
        const x = inputWith(shape, elements);
        for (const composite of [softmax, logSoftmax, logSumExp]) {
          await checkAsDefined(composite, { axis }, [x]);
        }
      });

      it('layer norm of equal numbers, of numbers close together, and of special ones', async () => {
        const equal = Array.from({ length: 11 }, () => 1000.1);
        const rows = [equal, [NaN, ...equal.slice(1)], [...equal.slice(1), Infinity]];
        await checkAsDefined(layerNormStatistics, { eps: 1 }, [inputWith([3, 11], rows.flat())]);
        const close = Array.from({ length: 640 }, (_, i) => 4096 + (i % 8) / 8);
        await checkAsDefined(layerNormStatistics, { eps: 1e-5 }, [inputWith([10, 64], close)]);
      });

      it('more rows than a workgroup has threads, and rows longer than all of them', async () => {
        await checkAsDefined(softmax, { axis: 1 }, [contiguousInput([1201, 9], 3)]);
        await checkAsDefined(logSumExp, { axis: 1 }, [contiguousInput([3, 1203], 3)]);
        await checkAsDefined(softmax, { axis: 0 }, [contiguousInput([1201, 3], 3)]);
      });

      describe.each([
        ['attention', attention],
        ['attentionGrad', attentionGrad],
      ])('%s', (of, composite) => {
        /** The operands of these shapes: the gradient also takes ȳ. */
        const shapesOf = (
          batch: readonly number[],
          [T, S, E, F]: readonly number[],
        ): readonly (readonly number[])[] => {
          const operands = [[...batch, T, E], [...batch, S, E], [...batch, S, F]]; // prettier-ignore
          return of === 'attention' ? operands : [...operands, [...batch, T, F]];
        };

        it('of any sizes and views', async () => {
          const cases = attentionSizes.chain(({ batch, T, S, E, F, scale }) =>
            fc.record({
              inputs: fc.tuple(...shapesOf(batch, [T, S, E, F]).map((shape) => inputOf(shape))),
              scale: fc.constant(scale),
            }),
          );
          await fc.assert(
            fc.asyncProperty(cases, ({ inputs, scale }) =>
              checkAsDefined(composite, { scale }, inputs, CLOSE * sizeOfCancelled(inputs)),
            ),
            RUNS,
          );
        });

        it.each([
          [[2], [37, 11, 5, 9]],
          [[1], [9, 131, 4, 8]],
          [[1], [33, 65, 70, 3]],
          [[], [3, 70, 17, 128]],
          [[2], [40, 33, 20, 131]],
          [[3], [0, 5, 4, 3]],
          [[3], [5, 0, 4, 3]],
          [[3], [5, 4, 0, 3]],
          [[3], [5, 4, 3, 0]],
        ])('of blocks of queries and keys: %j, T, S, E, F = %j', async (batch, lengths) => {
          const inputs = shapesOf(batch, lengths).map((shape, i) => contiguousInput(shape, i));
          await checkAsDefined(composite, { scale: 0.125 }, inputs);
        });

        it('reads heads from one buffer of queries, keys and values', async () => {
          const [B, N, T, E] = [3, 4, 18, 20];
          const D = N * E;
          const elements = contiguousInput([B * T * 3 * D], 5).elements;
          const heads = (offset: number): Input => ({
            view: { shape: [B, N, T, E], strides: [T * 3 * D, E, 3 * D, 1], offset },
            elements,
          });
          const inputs = [heads(0), heads(D), heads(2 * D), inputFor(heads(0).view, 2)];
          await checkAsDefined(composite, { scale: 0.3 }, inputs.slice(0, shapesOf([], []).length));
        });

        it.each([NaN, Infinity, -Infinity])('keeps %d to the rows that see it', async (special) => {
          for (const operand of [0, 1, 2]) {
            const inputs = shapesOf([2], [9, 70, 4, 5]).map((shape, i) =>
              contiguousInput(shape, i),
            );
            inputs[operand].elements[6] = special;
            await checkAsDefined(composite, { scale: 1 }, inputs);
          }
        });

        it('gives NaN where every logit is −∞, not where only the first ones are', async () => {
          const inputs = shapesOf([1], [10, 100, 1, 3]).map((shape, i) =>
            contiguousInput(shape, i),
          );
          inputs[0].elements.fill(1);
          inputs[0].elements[2] = 0.5;
          inputs[1].elements.fill(-Infinity);
          await checkAsDefined(composite, { scale: 1 }, inputs);
          inputs[1].elements.fill(2, 80);
          await checkAsDefined(composite, { scale: 1 }, inputs);
        });

        it('takes large logits', async () => {
          const inputs = shapesOf([1], [10, 100, 4, 3]).map((shape, i) =>
            contiguousInput(shape, i),
          );
          await checkAsDefined(composite, { scale: 1024 }, inputs);
        });
      });
    },
  );
}
