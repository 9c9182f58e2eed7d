// `tessera export --to pytorch` and `tessera import`: a training that goes on elsewhere, and back.

import { join } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { exportToPytorch } from '../../exchange/pytorch/export-run.ts';
import { importFromPytorch } from '../../exchange/pytorch/import-run.ts';
import { asArgument } from '../interrupt.ts';
import type { ExportArguments, ImportArguments } from './exchange-options.ts';
import { importAlike } from './weights-command.ts';

/**
 * Exports a run, and says how to go on.
 *
 * @param print writes one line to stdout
 * @throws ValueError without `--run`, and as {@link exportToPytorch}
 */
export async function exportPytorch(
  { run, out, skipBad = false }: ExportArguments,
  print: (line: string) => void,
): Promise<void> {
  if (run === undefined) {
    throw new ValueError(
      'export',
      '--to pytorch needs --run: the folder of a run with a saved state.',
    );
  }
  const step = await exportToPytorch({ run, out, skipBad, onNotice: print });
  print(`${out} holds the training after step ${step}. To go on there, in two processes:`);
  print(`  torchrun --nproc_per_node 2 ${asArgument(join(out, 'train.py'))}`);
}

/**
 * Imports a checkpoint, or weights alone, and says how to go on.
 *
 * @param print writes one line to stdout
 */
export async function importCommand(
  { file, out, like }: ImportArguments,
  print: (line: string) => void,
): Promise<void> {
  if (like !== undefined) {
    await importAlike({ file, out, like }, print);
    return;
  }
  const step = await importFromPytorch({ checkpoint: file, out, onNotice: print });
  print(`${out} is a run of ${step} steps. To draw, or to go on:`);
  print(`  tessera sample --run ${asArgument(out)} --out grid.png`);
  print(`  tessera train --resume ${asArgument(out)}`);
}
