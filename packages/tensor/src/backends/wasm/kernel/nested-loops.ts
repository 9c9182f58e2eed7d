// Visits the rows of nested loops and moves every operand's address along.

import { byteOffset } from './addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import type { Dimension } from '../../../array/view.ts';
import type { PhaseBody } from './kernel-code.ts';

/**
 * Code that visits rows `begin … end − 1` of some nested loops, with the address of each operand there.
 * Only the first row is found by division. From row to row, the addresses move like the digits of an
 * odometer.
 *
 * @param bytes Bytes of an element of each operand.
 */
export function forEachRow(
  { f, inputs, outputs, begin, end }: PhaseBody,
  dimensions: readonly Dimension[],
  bytes: readonly number[],
  visit: (pointers: readonly I32[]) => void,
): void {
  const shape = dimensions.map(({ size }) => size);
  const strideOf = (dimension: Dimension, i: number): number => dimension.strides[i] * bytes[i];
  const pointers = [...inputs, ...outputs].map((address, i): I32 => {
    const strides = dimensions.map((dimension) => dimension.strides[i]);
    if (strides.every((stride) => stride === 0)) return address;
    return f.keep(i32.add(address, byteOffset(f, begin, { shape, strides }, bytes[i])));
  });
  const move = (amounts: readonly number[]): void => {
    amounts.forEach((amount, i) => {
      if (amount !== 0) f.increase(pointers[i] as Local<'i32'>, amount);
    });
  };
  const digits = digitsOf(f, begin, shape);
  f.for({ from: begin, to: end }, () => {
    visit(pointers);
    const step = (axis: number): void => {
      const dimension = dimensions[axis];
      move(pointers.map((_, i) => strideOf(dimension, i)));
      if (axis === 0) return;
      const digit = digits[axis];
      f.increase(digit, 1);
      f.if(i32.eq(digit, i32.const(dimension.size)), () => {
        f.set(digit, i32.const(0));
        move(pointers.map((_, i) => -dimension.size * strideOf(dimension, i)));
        step(axis - 1);
      });
    };
    if (dimensions.length > 0) step(dimensions.length - 1);
  });
}

/** The index of row `row` along each dimension. */
function digitsOf(f: PhaseBody['f'], row: I32, shape: readonly number[]): readonly Local<'i32'>[] {
  const rest = f.keep(row);
  const digits = shape.toReversed().map((size, i) => {
    const isOutermost = i === shape.length - 1;
    const digit = f.keep(isOutermost ? rest : i32.rem_u(rest, i32.const(size)));
    if (!isOutermost) f.set(rest, i32.div_u(rest, i32.const(size)));
    return digit;
  });
  return digits.reverse();
}
