// An anomaly of a training step in words: in one sentence for errors, in lines for a reader.

import { formatRange, type Anomaly } from '@tessera/autograd/debug';

/** Indices of a batch that a sentence shows. */
const SHOWN_INDICES = 8;

/** Calls that lead to an operation, as far as lines show them. */
const SHOWN_CALLS = 6;

/** Images of a batch: `5, 17, 3 and 13 more`. */
export function formatIndices(indices: readonly number[]): string {
  const shown = indices.slice(0, SHOWN_INDICES).join(', ');
  const more = indices.length - SHOWN_INDICES;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** The lines that explain an anomaly, each with its subject in front. */
export function anomalyLines(anomaly: Anomaly): readonly string[] {
  const { operation, argument, order, gradientOf, module, operands, result, lines } = anomaly;
  if (operation === null) {
    const holder = argument === null ? 'a tensor from outside' : argumentName(argument);
    return [row('given', `${holder}, before the step`), row('values', formatRange(result))];
  }
  const passes = order > 1 ? `backward (order ${order})` : 'backward';
  return [
    row('operation', operation),
    row('pass', gradientOf === null ? 'forward' : `${passes}, of ${gradientOf}`),
    ...(module === null ? [] : [row('module', module)]),
    ...operands.map((operand, i) => row(i === 0 ? 'operands' : '', formatRange(operand))),
    row('result', formatRange(result)),
    ...lines.slice(0, SHOWN_CALLS).map((line, i) => row(i === 0 ? 'line' : '', line)),
  ];
}

/** The name of an argument of a step, whose first is the state and whose second the batch. */
function argumentName(path: string): string {
  return path.replace(/^0\.?/, 'state.').replace(/^1\.?/, 'batch.').replace(/\.$/, '');
}

function row(subject: string, text: string): string {
  return `  ${subject.padEnd(10)} ${text}`;
}
