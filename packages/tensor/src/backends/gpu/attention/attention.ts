// Attention as one kernel, or in parts if one thread would have to hold too much.

import type { Operand } from '../../../plan/kernel.ts';
import type { AttentionParams } from '../../../composites/attention.ts';
import { sizeOf } from '../../../array/shape.ts';
import { WIDEST_VALUES } from './attention-blocks.ts';
import { attentionEntry } from './attention-entry.ts';
import { attentionSizes, batchAxes, isEmpty } from './attention-operands.ts';
import { lowerAttentionInParts } from './attention-parts.ts';
import type { WorkgroupEntry } from '../kernel/dispatch.ts';
import type { CallOperands, Lowering } from '../kernel/lowering.ts';
import { offsetText, spread } from '../kernel/threads.ts';
import { floatText, KernelWriter } from '../kernel/writer.ts';

/** Workgroups along z that every device accepts. */
const MOST_BATCHES = 65535;

/**
 * Computes `y = softmax(scale · q kᵀ) v` as one kernel that keeps the logits to itself; in parts if a thread
 * would have to hold too much.
 */
export function lowerAttention(
  lowering: Lowering,
  operands: CallOperands,
  params: AttentionParams,
): void {
  const sizes = attentionSizes(operands);
  const { batch, F } = sizes;
  if (isEmpty(sizes) || F > WIDEST_VALUES || sizeOf(batch) > MOST_BATCHES) {
    lowerAttentionInParts(lowering, operands, params);
    return;
  }
  const { inputs, outputs } = operands;
  const writer = new KernelWriter(lowering.sizes);
  const threads = spread(outputs[0].view.shape);
  const result = writeElement(writer, operands, threads.indices, params.scale);
  const matrices = inputs.map(({ buffer, view }) => ({ array: writer.argument(buffer), view }));
  const entry = (): WorkgroupEntry =>
    attentionEntry(sizes, matrices, batchAxes(inputs), params.scale);
  lowering.add(writer.finish('attention', threads.output, result, outputs[0].buffer, { entry }));
}

/** Writes one element of the result by the definition, logit by logit, and returns its text. */
function writeElement(
  writer: KernelWriter,
  operands: CallOperands,
  indices: readonly string[],
  scale: number,
): string {
  const { S, E } = attentionSizes(operands);
  const [q, k, v] = operands.inputs;
  const batch = indices.slice(0, -2);
  const [query, column] = indices.slice(-2);
  const load = (operand: Operand, row: string, at: string): string => {
    const { offset, strides } = operand.view;
    return floatText(writer.load(operand, offsetText(offset, strides, [...batch, row, at])));
  };
  const logitOf = (key: string): string => {
    const sum = writer.name('s');
    writer.line(`let ${sum} = 0;`);
    writer.loop(E, (e) => {
      writer.line(`${sum} = ${sum} + ${load(q, query, e)} * ${load(k, key, e)};`);
    });
    return writer.local(`${sum} * (${scale})`);
  };
  writer.line('let peak = -infinity(0);');
  writer.loop(S, (key) => {
    writer.line(`peak = larger(peak, ${logitOf(key)});`);
  });
  writer.line('let total = 0;');
  writer.line('let y = 0;');
  writer.loop(S, (key) => {
    const weight = writer.local(`exponential(${logitOf(key)} - peak)`);
    writer.line(`total = total + ${weight};`);
    writer.line(`y = y + ${weight} * ${load(v, key, column)};`);
  });
  return 'y / total';
}
