// Row formulas as kernel text in which each thread folds its row alone.

import type { Operand } from '../../../plan/kernel.ts';
import type { WorkgroupEntry } from '../kernel/dispatch.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { rowEntry } from './row-entry.ts';
import {
  joinText,
  startOf,
  type RowFold,
  type RowFormula,
  type Rows,
  type RowStep,
} from './row-formula.ts';
import { offsetText, spread } from '../kernel/threads.ts';
import { floatText, KernelWriter } from '../kernel/writer.ts';

/**
 * Adds the kernel of a row formula.
 *
 * @param inputs Operands of one shape.
 * @param axis The axis along which a row lies.
 * @param output Row-major; with the shape of the inputs, or without the axis.
 */
export function lowerRows(
  lowering: Lowering,
  inputs: readonly Operand[],
  axis: number,
  output: Operand,
  formula: RowFormula,
): void {
  const { shape } = inputs[0].view;
  const keepsAxis = output.view.shape.length === shape.length;
  const rows: Rows = { inputs, shape, axis, keepsAxis };
  const writer = new KernelWriter(lowering.sizes);
  const threads = spread(output.view.shape);
  const result = writeElement(writer, rows, threads.indices, formula);
  const argument = (operand: Operand): string => writer.argument(operand.buffer);
  const entry = (elementsOfThread: number): WorkgroupEntry =>
    rowEntry(rows, formula, argument, elementsOfThread);
  lowering.add(writer.finish(formula.name, threads.output, result, output.buffer, { entry }));
}

/** Writes one element of the result, and returns its text. */
function writeElement(
  writer: KernelWriter,
  { inputs, shape, axis, keepsAxis }: Rows,
  indices: readonly string[],
  { steps, result }: RowFormula,
): string {
  const load = (place: string): string[] => {
    const behind = indices.slice(keepsAxis ? axis + 1 : axis);
    const ofElement = [...indices.slice(0, axis), place, ...behind];
    return inputs.map((operand) => {
      const { offset, strides } = operand.view;
      return floatText(writer.load(operand, offsetText(offset, strides, ofElement)));
    });
  };
  for (const step of steps) {
    if (step.kind === 'value') writer.line(`const ${step.name} = ${step.of};`);
    else if (step.kind === 'first') writeFirst(writer, step, shape[axis], load);
    else writePass(writer, step.folds, shape[axis], load);
  }
  return result(keepsAxis ? load(indices[axis]) : []);
}

type Load = (place: string) => string[];

function writeFirst(
  writer: KernelWriter,
  { name, of }: RowStep & { readonly kind: 'first' },
  size: number,
  load: Load,
): void {
  const first = size === 0 ? '0' : of(load('this.thread.x * 0'));
  writer.line(`const ${name} = ${first};`);
}

function writePass(
  writer: KernelWriter,
  folds: readonly RowFold[],
  size: number,
  load: Load,
): void {
  for (const fold of folds) writer.line(`let ${fold.name} = ${startOf(fold)};`);
  writer.loop(size, (counter) => {
    const x = load(counter);
    for (const fold of folds) {
      writer.line(`${fold.name} = ${joinText(fold, fold.name, fold.of(x))};`);
    }
  });
}
