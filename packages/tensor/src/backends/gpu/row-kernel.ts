import type { Operand } from '../../compile/kernel.ts';
import type { Lowering } from './lowering.ts';
import { rowEntry } from './row-entry.ts';
import { joinText, type RowFormula, type Rows } from './row-formula.ts';
import { offsetText, spread } from './threads.ts';
import { floatText, KernelWriter } from './writer.ts';

/**
 * Adds the kernel of a formula.
 *
 * @param inputs Operands of one shape.
 * @param axis The axis along which a row lies.
 * @param output Row-major; of the shape of the inputs, or without the axis.
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
  const entry = rowEntry(rows, formula, (operand) => writer.argument(operand.buffer));
  lowering.add(writer.finish(formula.name, threads.output, result, output.buffer, { entry }));
}

/** Writes what one element of the result is, and gives its text. */
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
  for (const { name, kind, of } of steps) {
    if (kind === 'value') {
      writer.line(`const ${name} = ${of([])};`);
      continue;
    }
    writer.line(`let ${name} = ${kind === 'sum' ? '0' : '-infinity(0)'};`);
    writer.loop(shape[axis], (counter) => {
      writer.line(`${name} = ${joinText(kind, name, of(load(counter)))};`);
    });
  }
  return result(keepsAxis ? load(indices[axis]) : []);
}
