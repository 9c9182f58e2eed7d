import type { KernelSource, MatrixLayout } from './dispatch.ts';
import type { Memory, ProductForm, Tuning } from './engine.ts';
import { unlessRefused } from './errors.ts';
import type { WebGpuEngine } from './webgpu-engine.ts';

/** Rows, columns and inner elements of the products that are timed: not multiples of any tile. */
const SMALL = 125;
const LARGE = 1000;

/** A device that needs less time for the small product is timed with the large one. */
const SHORT_MS = 4;

/** Each form is timed this often, and the best time counts. */
const ROUNDS = 2;

/** Forms add in different orders, or round a multiply-add once: float32 sums of 1000 products. */
const TOLERANCE = 1e-3;

/**
 * Times the forms of a matrix product, and takes the fastest of those that give the plain one's numbers.
 *
 * @throws DeviceError if the device refuses the plain form, which it cannot do without
 */
export async function tune(engine: WebGpuEngine): Promise<Tuning> {
  const small = await compare(engine, SMALL);
  return (small.milliseconds.plain ?? Infinity) < SHORT_MS ? compare(engine, LARGE) : small;
}

async function compare(engine: WebGpuEngine, size: number): Promise<Tuning> {
  const operands = [1, 2].map((seed) =>
    engine.upload(Float32Array.from({ length: size * size }, (_, i) => Math.sin(seed * i))),
  );
  const source = productSource(size);
  const plain = await measure(engine, source, 'plain', operands);
  const blocked = await unlessRefused(() => measure(engine, source, 'blocked', operands));
  const tiled = await unlessRefused(() => measure(engine, source, 'tiled', operands));
  for (const memory of operands) engine.free(memory);
  const timeOf = (form: Measured | null): number | null =>
    form?.values.every((value, i) => Math.abs(value - plain.values[i]) <= TOLERANCE) === true
      ? form.time
      : null;
  const milliseconds = { plain: plain.time, blocked: timeOf(blocked), tiled: timeOf(tiled) };
  const forms: readonly ProductForm[] = ['plain', 'blocked', 'tiled'];
  const fastest = forms.reduce((best, form) =>
    (milliseconds[form] ?? Infinity) < (milliseconds[best] ?? Infinity) ? form : best,
  );
  return { fastest, size, milliseconds };
}

interface Measured {
  readonly values: Float32Array;
  readonly time: number;
}

async function measure(
  engine: WebGpuEngine,
  source: KernelSource,
  form: ProductForm,
  operands: readonly Memory[],
): Promise<Measured> {
  const program = engine.compileAs(source, form);
  let time = Infinity;
  let values = new Float32Array(0);
  // The first round compiles.
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    const output = engine.run(program, operands);
    try {
      values = (await engine.read(output)) as typeof values;
    } finally {
      engine.free(output);
    }
    if (round > 0) time = Math.min(time, performance.now() - start);
  }
  return { values, time };
}

/** The plain kernel of a product of two row-major square matrices. */
export function productSource(size: number): KernelSource {
  const layout = (array: string): MatrixLayout => {
    return { array, offset: 0, rowStride: size, columnStride: 1, batchStrides: [] };
  };
  return {
    name: 'matmul to time',
    text: [
      'function (a0, a1) {',
      'let s = 0;',
      `for (let k = 0; k < ${size}; k++) {`,
      `s = s + a0[this.thread.y * ${size} + k] * a1[k * ${size} + this.thread.x];`,
      '}',
      'return s;',
      '}',
    ].join('\n'),
    inputs: 2,
    output: [size, size],
    product: {
      rows: size,
      columns: size,
      inner: size,
      batch: [],
      left: layout('a0'),
      right: layout('a1'),
    },
  };
}
