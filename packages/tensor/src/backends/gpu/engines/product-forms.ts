// Three forms of the matrix product on WebGPU: plain, 2×2 elements per thread, and shared tiles.

import { sizeOf, type Shape } from '../../../array/shape.ts';
import type {
  KernelSource,
  MatrixLayout,
  MatrixProduct,
  WorkgroupEntry,
} from '../kernel/dispatch.ts';
import type { ProductForm } from '../device/report.ts';
import { offsetText, unravel } from '../kernel/threads.ts';
import { placeOf } from '../kernel/wgsl-text.ts';

/**
 * The forms of a matrix product on WebGPU. Plain: one element per thread, the kernel that every mode runs.
 * Blocked: a block of 2×2 elements per thread. Tiled: the threads of a workgroup share tiles in its memory.
 * gpu.js can write the first two; for the last one, the body of its kernel is replaced.
 */

/** Products of fewer multiply-adds stay plain: other forms gain nothing there. */
const SMALLEST = 4096;

/** Workgroups along z that every device accepts. */
const MOST_BATCHES = 65535;

/** Threads along each side of a workgroup of the tiled form, and inner elements of a tile. */
const SIDE = 16;

/** The form in which a product runs, given the fastest form. */
export function formOf(product: MatrixProduct | undefined, fastest: ProductForm): ProductForm {
  if (product === undefined) return 'plain';
  const { rows, columns, inner, batch } = product;
  if (rows * columns * inner < SMALLEST || sizeOf(batch) > MOST_BATCHES) return 'plain';
  if (Math.min(rows, columns) < 2) return 'plain';
  if (fastest === 'tiled' && Math.min(rows, columns, inner) < SIDE) return 'blocked';
  return fastest;
}

/** The gpu.js kernel that computes 2×2 elements per thread and returns them as a vector. */
export function blockedSource(
  { name, inputs }: KernelSource,
  product: MatrixProduct,
): KernelSource {
  const { rows, columns, inner, batch, left, right } = product;
  const row = (i: number): string => `(this.thread.y * 2 + ${i})`;
  const column = (j: number): string => `(this.thread.x * 2 + ${j})`;
  const text = [
    `function (${left.array === right.array ? 'a0' : 'a0, a1'}) {`,
    ...[0, 1, 2, 3].map((c) => `let s${c} = 0;`),
    `for (let k = 0; k < ${inner}; k++) {`,
    ...[0, 1].map((i) => `const x${i} = ${left.array}[${placeText(left, batch, row(i), 'k')}];`),
    ...[0, 1].map(
      (j) => `const y${j} = ${right.array}[${placeText(right, batch, 'k', column(j))}];`,
    ),
    ...[0, 1, 2, 3].map((c) => `s${c} = s${c} + x${c >> 1} * y${c & 1};`),
    '}',
    'return [s0, s1, s2, s3];',
    '}',
  ].join('\n');
  return { name, text, inputs, output: [half(columns), half(rows), sizeOf(batch)] };
}

function placeText(layout: MatrixLayout, batch: Shape, row: string, column: string): string {
  const { offset, rowStride, columnStride, batchStrides } = layout;
  const strides = [...batchStrides, rowStride, columnStride];
  return offsetText(offset, strides, [...unravel('this.thread.z', batch), row, column]);
}

function half(n: number): number {
  return Math.ceil(n / 2);
}

/** Matches the lines in which gpu.js stores component c of the vector that a thread returns. */
const STORE = /result\[data_index \* 4 \+ (\d)\] = (\w+\.[xyzw]);/g;

/**
 * Makes the blocked kernel store its elements at their row-major places; `null` if the text is not as
 * expected.
 */
export function storeBlocks(code: string, { rows, columns }: MatrixProduct): string | null {
  let stores = 0;
  const stored = code.replaceAll(STORE, (_, component: string, value: string) => {
    stores++;
    const [i, j] = [Number(component) >> 1, Number(component) & 1];
    const place = `(gid.z * ${rows}u + gid.y * 2u + ${i}u) * ${columns}u + gid.x * 2u + ${j}u`;
    const inside = `gid.y * 2u + ${i}u < ${rows}u && gid.x * 2u + ${j}u < ${columns}u`;
    return `if (${inside}) { result[${place}] = ${value}; }`;
  });
  return stores === 4 ? stored : null;
}

/**
 * The tiled form. Tiles of both operands go through workgroup memory, so each element is read from a buffer
 * once per tile, not once per thread.
 */
export function tiledEntry(product: MatrixProduct): WorkgroupEntry {
  const { rows, columns, inner, batch } = product;
  const block = Math.min(rows, columns) >= 64 ? 4 : 2;
  const tile = SIDE * block;
  const range = Array.from({ length: block }, (_, i) => i);
  const cells = range.flatMap((i) => range.map((j) => [i, j] as const));
  const code = [
    `var<workgroup> leftTile : array<f32, ${SIDE * tile}>;`,
    `var<workgroup> rightTile : array<f32, ${SIDE * tile}>;`,
    `@compute @workgroup_size(${SIDE}, ${SIDE}, 1)`,
    'fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_id) own : vec3<u32>,',
    '        @builtin(local_invocation_index) thread : u32) {',
    `let firstRow = group.y * ${tile}u;`,
    `let firstColumn = group.x * ${tile}u;`,
    ...cells.map(([i, j]) => `var s${i}_${j} : f32 = 0.0;`),
    `for (var k0 = 0u; k0 < ${inner}u; k0 += ${SIDE}u) {`,
    ...range.flatMap((part) => [
      ...loadTile('left', product, part, tile),
      ...loadTile('right', product, part, tile),
    ]),
    'workgroupBarrier();',
    `for (var k = 0u; k < ${SIDE}u; k++) {`,
    ...range.map((i) => `let x${i} = leftTile[k * ${tile}u + own.y * ${block}u + ${i}u];`),
    ...range.map((j) => `let y${j} = rightTile[k * ${tile}u + own.x * ${block}u + ${j}u];`),
    ...cells.map(([i, j]) => `s${i}_${j} += x${i} * y${j};`),
    '}',
    'workgroupBarrier();',
    '}',
    `let row = firstRow + own.y * ${block}u;`,
    `let column = firstColumn + own.x * ${block}u;`,
    ...cells.map(
      ([i, j]) =>
        `if (row + ${i}u < ${rows}u && column + ${j}u < ${columns}u) { ` +
        `result[(group.z * ${rows}u + row + ${i}u) * ${columns}u + column + ${j}u] = s${i}_${j}; }`,
    ),
    '}',
  ].join('\n');
  const across = (size: number): number => Math.ceil(size / tile) * SIDE;
  const threads = [across(columns), across(rows), sizeOf(batch)];
  return { code, threads, workgroup: [SIDE, SIDE, 1] };
}

/**
 * Copies part of a tile `[inner, outer]`; neighbouring threads read along the axis whose elements lie side by
 * side.
 */
function loadTile(
  side: 'left' | 'right',
  { rows, columns, inner, batch, ...product }: MatrixProduct,
  part: number,
  tile: number,
): string[] {
  const { array, offset, rowStride, columnStride, batchStrides } = product[side];
  const [outerStride, innerStride] =
    side === 'left' ? [rowStride, columnStride] : [columnStride, rowStride];
  const first = side === 'left' ? 'firstRow' : 'firstColumn';
  const outerSize = side === 'left' ? rows : columns;
  const element = `(thread + ${part * SIDE * SIDE}u)`;
  const [k, outer] =
    innerStride === 1
      ? [`${element} % ${SIDE}u`, `${element} / ${SIDE}u`]
      : [`${element} / ${tile}u`, `${element} % ${tile}u`];
  const base = placeOf('i32(group.z)', batch, batchStrides, offset);
  const at = `i32(${first} + outer) * ${outerStride} + i32(k0 + k) * ${innerStride} + ${base}`;
  return [
    '{',
    `let k = ${k};`,
    `let outer = ${outer};`,
    'var value = 0.0;',
    `if (k0 + k < ${inner}u && ${first} + outer < ${outerSize}u) { value = user_${array}[${at}]; }`,
    `${side}Tile[k * ${tile}u + outer] = value;`,
    '}',
  ];
}
