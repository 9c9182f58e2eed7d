// Times the forms of a matrix product and takes the fastest that computes the right numbers.

import type { KernelSource, MatrixLayout } from '../kernel/dispatch.ts';
import type { Memory } from '../device/engine.ts';
import type { ProductForm, Tuning } from '../device/report.ts';
import { DeviceError, orRefusal, refusalText } from '../device/errors.ts';
import { runOnce } from '../device/run-once.ts';
import type { WebGpuEngine } from '../engines/webgpu-engine.ts';

/** Rows, columns and inner elements of the timed products: not multiples of any tile. */
const SMALL = 125;
const LARGE = 1000;

/** A device that needs less time than this for the small product is also timed with the large one. */
const SHORT_MS = 4;

/** Rounds per form; the best time counts. */
const ROUNDS = 2;

/**
 * Allowed difference for float32 sums of 1000 products: forms add in different orders, and some round a
 * multiply-add once.
 */
const TOLERANCE = 1e-3;

/** A form other than plain, which a device need not support. */
type OtherForm = Exclude<ProductForm, 'plain'>;

const OTHERS: readonly OtherForm[] = ['blocked', 'tiled'];

/** The result of timing the forms of a product. */
export interface Tuned {
  readonly tuning: Tuning;
  /** Why some forms cannot be chosen: sentences. */
  readonly problems: readonly string[];
}

/**
 * Times the forms of a matrix product, and takes the fastest one whose numbers agree with the plain form.
 *
 * @throws DeviceError if the device refuses the plain form, which every program needs
 */
export async function tune(engine: WebGpuEngine): Promise<Tuned> {
  const small = await compare(engine, SMALL, OTHERS);
  const { milliseconds } = small.tuning;
  if ((milliseconds.plain ?? Infinity) >= SHORT_MS) return small;
  // A form that was wrong once is not tried again, however it does with other sizes.
  const large = await compare(
    engine,
    LARGE,
    OTHERS.filter((form) => milliseconds[form] !== null),
  );
  return { ...large, problems: [...small.problems, ...large.problems] };
}

/** The device's refusal of a product in a form; `null` if it accepts the form. */
export async function refusalOfProduct(
  engine: WebGpuEngine,
  form: ProductForm,
): Promise<DeviceError | null> {
  const operands = uploadOperands(engine, SMALL);
  const program = engine.compileAs(productSource(SMALL), form);
  const found = await orRefusal(() => runOnce(engine, program, operands));
  for (const memory of operands) engine.free(memory);
  return found instanceof DeviceError ? found : null;
}

/** @param others The forms to compare with the plain one. */
async function compare(
  engine: WebGpuEngine,
  size: number,
  others: readonly OtherForm[],
): Promise<Tuned> {
  const source = productSource(size);
  const operands = uploadOperands(engine, size);
  const plain = await measure(engine, source, 'plain', operands);
  if (plain instanceof DeviceError) throw plain;
  const milliseconds: Record<ProductForm, number | null> = {
    plain: plain.time,
    blocked: null,
    tiled: null,
  };
  const problems: string[] = [];
  let fastest: ProductForm = 'plain';
  let least = plain.time;
  for (const form of others) {
    const found = await measure(engine, source, form, operands);
    const isTaken = !(found instanceof DeviceError);
    const problem = isTaken ? differenceOf(found, plain) : refusalText(found);
    if (!isTaken || problem !== null) {
      problems.push(`Products are not ${form}: ${problem}.`);
      continue;
    }
    milliseconds[form] = found.time;
    if (found.time >= least) continue;
    fastest = form;
    least = found.time;
  }
  for (const memory of operands) engine.free(memory);
  return { tuning: { fastest, size, milliseconds }, problems };
}

function uploadOperands(engine: WebGpuEngine, size: number): Memory[] {
  return [1, 2].map((seed) =>
    engine.upload(Float32Array.from({ length: size * size }, (_, i) => Math.sin(seed * i))),
  );
}

interface Measured {
  readonly values: Float32Array;
  readonly time: number;
}

/** The first difference from the plain product, a clause; `null` if there is none. */
function differenceOf({ values }: Measured, plain: Measured): string | null {
  const at = values.findIndex((value, i) => !(Math.abs(value - plain.values[i]) <= TOLERANCE));
  return at === -1
    ? null
    : `element ${at} of one is ${values[at]}, but ${plain.values[at]} if plain`;
}

async function measure(
  engine: WebGpuEngine,
  source: KernelSource,
  form: ProductForm,
  operands: readonly Memory[],
): Promise<Measured | DeviceError> {
  // A text that cannot be translated is a fault of the program, not of the device: it throws.
  const program = engine.compileAs(source, form);
  return orRefusal(async () => {
    // The first round compiles.
    let values = await runOnce(engine, program, operands);
    let time = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      values = await runOnce(engine, program, operands);
      time = Math.min(time, performance.now() - start);
    }
    return { values, time };
  });
}

/** The plain kernel that multiplies two row-major square matrices. */
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
