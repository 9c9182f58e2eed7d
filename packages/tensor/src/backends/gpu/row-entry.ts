import type { Operand } from '../../compile/kernel.ts';
import { rowMajorStrides, sizeOf } from '../../shape.ts';
import { mergeAxes } from './axes.ts';
import type { WorkgroupEntry } from './dispatch.ts';
import { joinText, type RowFormula, type Rows, type RowStep } from './row-formula.ts';
import { formulaOf, placeOf } from './wgsl-text.ts';

/** Threads of a workgroup: few enough for every device. */
const THREADS = 64;

/** Elements of a row that are worth one more thread. */
const ELEMENTS_OF_THREAD = 8;

/** The threads that share a row: a power of two. */
function threadsOfRow(size: number): number {
  let threads = 1;
  while (threads < THREADS && threads * ELEMENTS_OF_THREAD < size) threads *= 2;
  return threads;
}

/**
 * The form in which threads share a row: each folds every n-th element, and their results are joined in
 * workgroup memory. A workgroup has room for several short rows.
 *
 * @param argument The argument of the text that holds an operand.
 */
export function rowEntry(
  { inputs, shape, axis, keepsAxis }: Rows,
  { steps, result }: RowFormula,
  argument: (operand: Operand) => string,
): WorkgroupEntry {
  const size = shape[axis];
  const without = <T>(all: readonly T[]): T[] => all.filter((_, i) => i !== axis);
  const kept = without(shape);
  const rows = sizeOf(kept);
  const shared = threadsOfRow(size);
  const rowsOfGroup = THREADS / shared;
  const written = rowMajorStrides(keepsAxis ? shape : kept);
  const strides = [...inputs.map(({ view }) => view.strides), ...(keepsAxis ? [written] : [])];
  const axes = mergeAxes(kept, strides.map(without));
  const isAlong = inputs[0].view.strides[axis] === 1 || rowsOfGroup === 1;
  const elements = inputs.map((_, i) => `x${i}`);
  const loads = inputs.map((operand, i) => {
    return `let x${i} = user_${argument(operand)}[row${i} + at * ${operand.view.strides[axis]}];`;
  });
  const each = `for (var at = lane; at < ${size}; at += ${shared})`;
  const fold = ({ name, kind, of }: RowStep): string[] => {
    if (kind === 'value') return [`let ${name} = ${formulaOf(of([]))};`];
    const mine = `own_${name}`;
    return [
      `var ${mine} = ${kind === 'sum' ? '0.0' : '-fn_infinity(0.0)'};`,
      `${each} {`,
      ...loads,
      `${mine} = ${formulaOf(joinText(kind, mine, of(elements)))};`,
      '}',
      `let ${name} = ${shared === 1 ? mine : `${kind}OfRow(${mine}, place, lane)`};`,
    ];
  };
  const kinds = shared === 1 ? [] : [...new Set(steps.map(({ kind }) => kind))];
  const code = [
    `var<workgroup> joined : array<f32, ${THREADS}>;`,
    ...kinds.flatMap((kind) => (kind === 'value' ? [] : joinFunction(kind, shared))),
    `@compute @workgroup_size(${THREADS}, 1, 1)`,
    'fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(num_workgroups) groups : vec3<u32>,',
    '        @builtin(local_invocation_index) thread : u32) {',
    // Neighbouring threads read neighbouring elements: of one row, or of neighbouring rows.
    `let lane = i32(thread) ${isAlong ? '%' : '/'} ${isAlong ? shared : rowsOfGroup};`,
    `let slot = i32(thread) ${isAlong ? '/' : '%'} ${isAlong ? shared : rowsOfGroup};`,
    `let place = slot * ${shared} + lane;`,
    `let wanted = i32(group.y * groups.x + group.x) * ${rowsOfGroup} + slot;`,
    `let isInside = wanted < ${rows};`,
    // All threads of a workgroup must come to every barrier, so those without a row do one again.
    `let row = min(wanted, ${rows - 1});`,
    ...inputs.map((operand, i) => {
      return `let row${i} = ${placeOf('row', axes.shape, axes.strides[i], operand.view.offset)};`;
    }),
    ...steps.flatMap(fold),
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

/** The function that joins what the threads of a row have, halving their number at each step. */
function joinFunction(kind: 'sum' | 'max', shared: number): string[] {
  const pair = joinText(kind, 'joined[place]', 'joined[place + half]');
  return [
    `fn ${kind}OfRow(own : f32, place : i32, lane : i32) -> f32 {`,
    'joined[place] = own;',
    'workgroupBarrier();',
    `for (var half = ${shared / 2}; half > 0; half /= 2) {`,
    `if (lane < half) { joined[place] = ${formulaOf(pair)}; }`,
    'workgroupBarrier();',
    '}',
    'let all = joined[place - lane];',
    'workgroupBarrier();',
    'return all;',
    '}',
  ];
}
