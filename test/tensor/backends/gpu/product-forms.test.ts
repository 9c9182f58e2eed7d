import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import type {
  KernelSource,
  MatrixProduct,
} from '../../../../packages/tensor/src/backends/gpu/kernel/dispatch.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { formOf } from '../../../../packages/tensor/src/backends/gpu/engines/product-forms.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { modesUnderTest } from '../../../gpu/modes.ts';

const webgpu = modesUnderTest().find(({ mode }) => mode === 'webgpu');
const skipped = webgpu?.skipped ?? null;

/** A product of `batch` matrices; of each operand, whether its rows lie side by side. */
function productOf(
  [rows, columns, inner, batch]: readonly number[],
  transposed: readonly boolean[],
): MatrixProduct {
  const lay = (
    array: string,
    height: number,
    width: number,
    isTransposed: boolean,
    offset = 0,
  ) => ({
    array,
    offset,
    rowStride: isTransposed ? 1 : width,
    columnStride: isTransposed ? height : 1,
    batchStrides: [height * width],
  });
  const left = lay('a0', rows, inner, transposed[0], 3);
  const right = lay('a1', inner, columns, transposed[1]);
  return { rows, columns, inner, batch: [batch], left, right };
}

/** Only the plain kernel would be of any use of the text, and it is not run here. */
function sourceOf(product: MatrixProduct): KernelSource {
  const { rows, columns, batch } = product;
  const text = 'function (a0, a1) {\nreturn a0[this.thread.x] + a1[this.thread.x];\n}';
  return { name: 'matmul', text, inputs: 2, output: [columns, rows, ...batch], product };
}

function expectedOf(product: MatrixProduct, a: Float32Array, b: Float32Array): number[] {
  const { rows, columns, inner, batch, left, right } = product;
  return Array.from({ length: batch[0] * rows * columns }, (_, at) => {
    const [z, y, x] = [
      Math.floor(at / (rows * columns)),
      Math.floor(at / columns) % rows,
      at % columns,
    ];
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const i = left.offset + z * left.batchStrides[0] + y * left.rowStride + k * left.columnStride;
      const j =
        right.offset + z * right.batchStrides[0] + k * right.rowStride + x * right.columnStride;
      sum += a[i] * b[j];
    }
    return sum;
  });
}

describe.skipIf(skipped !== null)(
  `forms of a matrix product${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
    let engine: WebGpuEngine;

    beforeAll(async () => {
      const { device, report } = await openDevice();
      engine = new WebGpuEngine(device, await loadGpuJs(), report);
    });
    afterAll(() => engine.dispose());

    describe.each(['blocked', 'tiled'] as const)('%s', (form) => {
      it.each([
        { sizes: [33, 47, 19, 1], transposed: [false, false] },
        { sizes: [70, 65, 40, 2], transposed: [false, true] },
        { sizes: [16, 130, 17, 3], transposed: [true, false] },
        { sizes: [65, 16, 64, 1], transposed: [true, true] },
      ])('rows, columns, inner, batch $sizes, transposed $transposed', async (given) => {
        const product = productOf(given.sizes, given.transposed);
        expect(formOf(product, form)).toBe(form);
        const [rows, columns, inner, batch] = given.sizes;
        const a = Float32Array.from({ length: 3 + rows * inner * batch }, (_, i) => Math.sin(i));
        const b = Float32Array.from({ length: inner * columns * batch }, (_, i) => Math.cos(3 * i));
        const operands = [a, b].map((values) => engine.upload(values));
        const values = await engine.read(
          engine.run(engine.compileAs(sourceOf(product), form), operands),
        );
        const wanted = expectedOf(product, a, b);
        // float32 sums of at most 64 products of numbers up to 1
        expect(Math.max(...wanted.map((x, i) => Math.abs(x - values[i])))).toBeLessThan(1e-5);
      });
    });

    it.each(['blocked', 'tiled'] as const)(
      '%s: operands that are parts of one array, with two batch axes',
      async (form) => {
        // Elements [2, rows, 2, 3, inner]: of each image, row and head the left and the right vector.
        const [rows, inner] = [20, 18];
        const rowStride = 6 * inner;
        const part = (offset: number): MatrixProduct['left'] => {
          const batchStrides = [rows * rowStride, inner];
          return { array: 'a0', offset, rowStride, columnStride: 1, batchStrides };
        };
        const right = { ...part(3 * inner), rowStride: 1, columnStride: rowStride };
        const product = { rows, columns: rows, inner, batch: [2, 3], left: part(0), right };
        const text = 'function (a0) {\nreturn a0[this.thread.x];\n}';
        const output = [rows, rows, 6];
        const source: KernelSource = { name: 'matmul', text, inputs: 1, output, product };
        const values = Float32Array.from({ length: 2 * rows * rowStride }, (_, i) => Math.sin(i));
        const program = engine.compileAs(source, form);
        const found = await engine.read(engine.run(program, [engine.upload(values)]));
        const wanted = Array.from({ length: 6 * rows * rows }, (_, at) => {
          const [z, y, x] = [Math.floor(at / rows ** 2), Math.floor(at / rows) % rows, at % rows];
          const base = Math.floor(z / 3) * rows * rowStride + (z % 3) * inner;
          let sum = 0;
          for (let k = 0; k < inner; k++) {
            const b = values[base + 3 * inner + x * rowStride + k];
            sum += values[base + y * rowStride + k] * b;
          }
          return sum;
        });
        // float32 sums of 18 products of numbers up to 1
        expect(Math.max(...wanted.map((x, i) => Math.abs(x - found[i])))).toBeLessThan(1e-5);
      },
    );

    it('blocked: more pairs of rows than a device has workgroups along a dimension', async () => {
      const [rows, columns, inner] = [131_074, 34, 1];
      const product = productOf([rows, columns, inner, 1], [false, false]);
      expect(formOf(product, 'blocked')).toBe('blocked');
      const a = Float32Array.from({ length: 3 + rows }, (_, i) => i % 101);
      const b = Float32Array.from({ length: columns }, (_, i) => i - 3);
      const operands = [a, b].map((values) => engine.upload(values));
      const program = engine.compileAs(sourceOf(product), 'blocked');
      const found = await engine.read(engine.run(program, operands));
      // Products of small whole numbers are exact.
      const isWrong = (x: number, i: number): boolean =>
        x !== a[3 + Math.floor(i / columns)] * b[i % columns];
      expect(found).toHaveLength(rows * columns);
      expect(found.findIndex(isWrong)).toBe(-1);
    });

    it('leaves small products, and those of one row, plain', () => {
      expect(formOf(undefined, 'tiled')).toBe('plain');
      expect(formOf(productOf([4, 4, 4, 1], [false, false]), 'tiled')).toBe('plain');
      expect(formOf(productOf([1, 500, 500, 1], [false, false]), 'tiled')).toBe('plain');
      expect(formOf(productOf([64, 64, 8, 1], [false, false]), 'tiled')).toBe('blocked');
    });
  },
);
