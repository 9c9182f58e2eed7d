// `tessera export --to onnx`: writes a model, and says what it takes and gives.

import { formatShape, ValueError } from '@tessera/tensor';
import { exportToOnnx, type OnnxExport } from '../../exchange/onnx/export-onnx.ts';
import { ONNX_PARTS } from '../../exchange/onnx/parts.ts';
import type { ExportArguments } from './exchange-options.ts';

/** What `--condition` says for a denoiser that is told nothing. */
const NOTHING = 'none';

/** Most tensors that are listed one by one: a training step has hundreds. */
const LISTED = 16;

/**
 * Writes a part of a run as an ONNX model.
 *
 * @param print writes one line to stdout
 * @throws ValueError without `--what`, and as {@link exportToOnnx}
 */
export async function exportOnnx(
  { run, out, what, batch, condition }: ExportArguments,
  print: (line: string) => void,
): Promise<void> {
  if (what === undefined) {
    throw new ValueError('export', `--to onnx needs --what: ${ONNX_PARTS.join(', ')}.`);
  }
  const written = await exportToOnnx({
    what,
    out,
    ...(run !== undefined && { run }),
    ...(batch !== undefined && { batch }),
    ...(condition !== undefined && { conditions: condition.filter((name) => name !== NOTHING) }),
    onNotice: print,
  });
  const { nodes, size, inputs, outputs, state } = written;
  print(`${out}: ${nodes} nodes, ${(size / 1e6).toFixed(1)} MB`);
  for (const line of [...listed('in', inputs), ...listed('out', outputs)]) print(line);
  if (state !== undefined) {
    print(`The first values of state.… are the tensors training.… of ${state}.`);
  }
}

/** Names, dtypes and shapes of inputs or outputs, or their number by the first part of their names. */
function listed(side: 'in' | 'out', values: OnnxExport['inputs']): readonly string[] {
  const pad = (text: string): string => `  ${side.padEnd(3)} ${text}`;
  if (values.length <= LISTED) {
    return values.map(({ name, dtype, shape }) => pad(`${name}: ${dtype} ${formatShape(shape)}`));
  }
  const counts = new Map<string, number>();
  for (const { name } of values) {
    const [part] = name.split('.');
    counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  return [...counts].map(([part, count]) =>
    pad(`${part}.…: ${count} ${count === 1 ? 'tensor' : 'tensors'}`),
  );
}
