// Row formulas as WGSL: the threads of a workgroup share a row and join their partial results.

import type { Operand } from '../../../plan/kernel.ts';
import { rowMajorStrides, sizeOf } from '../../../array/shape.ts';
import { mergeAxes } from '../kernel/axes.ts';
import type { WorkgroupEntry } from '../kernel/dispatch.ts';
import {
  joinText,
  startOf,
  type RowFold,
  type RowFormula,
  type Rows,
  type RowStep,
} from './row-formula.ts';
import { formulaOf, placeOf } from '../kernel/wgsl-text.ts';

/** Threads of a workgroup: few enough for every device. */
const THREADS = 64;

/** Number of threads that share a row: a power of two. */
function threadsOfRow(size: number, elementsOfThread: number): number {
  let threads = 1;
  while (threads < THREADS && threads * elementsOfThread < size) threads *= 2;
  return threads;
}

/**
 * Writes the entry in which threads share a row. Each thread folds every n-th element, and their results are
 * joined in workgroup memory. A workgroup takes several rows if they are short.
 *
 * @param argument Gives the argument of the text that holds an operand.
 */
export function rowEntry(
  { inputs, shape, axis, keepsAxis }: Rows,
  { steps, result }: RowFormula,
  argument: (operand: Operand) => string,
  elementsOfThread: number,
): WorkgroupEntry {
  const size = shape[axis];
  const without = <T>(all: readonly T[]): T[] => all.filter((_, i) => i !== axis);
  const kept = without(shape);
  const rows = sizeOf(kept);
  const shared = threadsOfRow(size, elementsOfThread);
  const rowsOfGroup = THREADS / shared;
  const written = rowMajorStrides(keepsAxis ? shape : kept);
  const strides = [...inputs.map(({ view }) => view.strides), ...(keepsAxis ? [written] : [])];
  const axes = mergeAxes(kept, strides.map(without));
  const isAlong = inputs[0].view.strides[axis] === 1 || rowsOfGroup === 1;
  const elements = inputs.map((_, i) => `x${i}`);
  // Values that are the same all along a row are read once.
  const [once, loads] = [true, false].map((isOnce) =>
    inputs.flatMap((operand, i) => {
      const stride = operand.view.strides[axis];
      const place = stride === 0 ? `row${i}` : `row${i} + at * ${stride}`;
      return (stride === 0) === isOnce ? [`let x${i} = user_${argument(operand)}[${place}];`] : [];
    }),
  );
  const each = `for (var at = lane; at < ${size}; at += ${shared})`;
  const takePass = (folds: readonly RowFold[]): string[] => [
    ...folds.map((fold) => `var own_${fold.name} = ${start(fold)};`),
    `${each} {`,
    ...loads,
    ...folds.map((fold) => {
      const own = `own_${fold.name}`;
      return `${own} = ${formulaOf(joinText(fold, own, fold.of(elements)))};`;
    }),
    '}',
    ...joinThreads(folds, shared),
  ];
  const take = (step: RowStep): string[] => {
    if (step.kind === 'pass') return takePass(step.folds);
    if (step.kind === 'value') return [`let ${step.name} = ${formulaOf(step.of)};`];
    const first = size === 0 ? '0.0' : formulaOf(step.of(inputs.map((_, i) => `first${i}`)));
    return [
      ...inputs.map((operand, i) => `let first${i} = user_${argument(operand)}[row${i}];`),
      `let ${step.name} = ${first};`,
    ];
  };
  const folds = steps.flatMap((step) => (step.kind === 'pass' ? step.folds : []));
  const code = [
    ...folds.map(({ name }) => `var<workgroup> all_${name} : array<f32, ${THREADS}>;`),
    `@compute @workgroup_size(${THREADS}, 1, 1)`,
    'fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(num_workgroups) groups : vec3<u32>,',
    '        @builtin(local_invocation_index) thread : u32) {',
    // Neighbouring threads read neighbouring elements, of one row or of neighbouring rows.
    `let lane = i32(thread) ${isAlong ? '%' : '/'} ${isAlong ? shared : rowsOfGroup};`,
    `let slot = i32(thread) ${isAlong ? '/' : '%'} ${isAlong ? shared : rowsOfGroup};`,
    `let place = slot * ${shared} + lane;`,
    `let wanted = i32(group.y * groups.x + group.x) * ${rowsOfGroup} + slot;`,
    `let isInside = wanted < ${rows};`,
    // All threads of a workgroup must reach every barrier, so threads without a row repeat the last one.
    `let row = min(wanted, ${rows - 1});`,
    ...inputs.map((operand, i) => {
      return `let row${i} = ${placeOf('row', axes.shape, axes.strides[i], operand.view.offset)};`;
    }),
    ...once,
    ...steps.flatMap(take),
    ...(keepsAxis
      ? [
          `let out = ${placeOf('row', axes.shape, axes.strides[inputs.length], 0)};`,
          'if (isInside) {',
          `${each} {`,
          ...loads,
          `result[out + at * ${written[axis]}] = ${formulaOf(result(elements))};`,
          '}',
          '}',
        ]
      : [`if (isInside && lane == 0) { result[row] = ${formulaOf(result([]))}; }`]),
    '}',
  ].join('\n');
  const threads = [Math.ceil(rows / rowsOfGroup) * THREADS];
  return { code, threads, workgroup: [THREADS, 1, 1] };
}

function start(fold: RowFold): string {
  return `f32(${formulaOf(startOf(fold))})`;
}

/**
 * Joins the partial results of the threads of a row: every thread folds all of them itself. That takes one
 * barrier; halving the number of threads would take one barrier per step. Memory of its own for each fold
 * saves another barrier.
 */
function joinThreads(folds: readonly RowFold[], shared: number): string[] {
  if (shared === 1) return folds.map(({ name }) => `let ${name} = own_${name};`);
  return [
    ...folds.map(({ name }) => `all_${name}[place] = own_${name};`),
    'workgroupBarrier();',
    ...folds.map((fold) => `var ${fold.name} = ${start(fold)};`),
    `for (var other = place - lane; other < place - lane + ${shared}; other++) {`,
    ...folds.map((fold) => {
      const { name } = fold;
      return `${name} = ${formulaOf(joinText(fold, name, `all_${name}[other]`))};`;
    }),
    '}',
  ];
}
