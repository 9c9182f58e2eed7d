// Writes a part of a run as an ONNX file.

import { dirname } from 'node:path';
import { stat } from 'node:fs/promises';
import type { OnnxModel } from '@tessera/onnx';
import { checkOptions, ValueError } from '@tessera/tensor';
import { checkChoice, checkText, checkWhole } from '../../config/argument-check.ts';
import { checkWritable, writeFileAtomic } from '../../run/atomic-file.ts';
import { withBackend } from '../../run/backends.ts';
import { readConfigText, SHIPPED_RUN } from '../../run/run-folder.ts';
import { readRun } from '../../sample/sample-run.ts';
import { ONNX_PARTS, type OnnxPart } from './parts.ts';

/** Options of {@link exportToOnnx}. */
export interface OnnxOptions {
  /** The folder of a run. Default: the weights that the package brings, which have no training step. */
  readonly run?: string;
  /** What to export. */
  readonly what: OnnxPart;
  /** The file to write. */
  readonly out: string;
  /** Number of latents or images that the model takes at once. Default 1. A training step has the batch of its run. */
  readonly batch?: number;
  /** The conditions that are inputs of a denoiser; the others are nulls. Default: all. */
  readonly conditions?: readonly string[];
  /** Called with one sentence for the user. */
  readonly onNotice?: (text: string) => void;
}

/** What {@link exportToOnnx} wrote. */
export interface OnnxExport extends Omit<OnnxModel, 'bytes'> {
  /** Size of the file in bytes. */
  readonly size: number;
  /** The file of the saved state, whose values a training step begins with. */
  readonly state?: string;
}

/**
 * Writes a part of a run as an ONNX model, with the configuration of the run in its metadata, under `config`.
 *
 * - `denoiser`: from noisy latents `x`, timesteps `t` and `next`, conditions by name and a scale `guidance` to the
 *   guided `prediction`, both ends `xStart` and `eps`, and `xNext`, a step towards the data.
 * - `decoder`: from `latents` to `images` in [-1, 1]; `encoder`: the other way.
 * - `step`: from `state` and `batch` to `next` and `metrics`: a whole step of the training. Only a run with a saved
 *   state has one.
 *
 * @throws ValueError if the run does not have that part, or the file cannot be written
 * @example
 * // not run: writes a file
 * await exportToOnnx({ what: 'denoiser', out: 'denoiser.onnx', batch: 10, conditions: ['label'] });
 */
export async function exportToOnnx(options: OnnxOptions): Promise<OnnxExport> {
  const op = 'exportToOnnx';
  checkOptions(op, options, ['run', 'what', 'out', 'batch', 'conditions', 'onNotice']);
  const { run = SHIPPED_RUN, what, out, batch } = options;
  checkText(op, 'run', run);
  checkChoice(op, 'what', what, ONNX_PARTS);
  checkText(op, 'out', out);
  if (batch !== undefined) checkWhole(op, 'batch', batch, 1);
  checkParts(options);
  const config = await readConfigText(run);
  await checkFile(out);
  const { addMetadata } = await import('@tessera/onnx');
  // Nothing is computed: the weights are only read.
  const { model, ...state } = await withBackend('cpu', () => modelOf({ ...options, run }));
  const bytes = addMetadata(model.bytes, { config });
  await writeFileAtomic(out, bytes);
  const { inputs, outputs, nodes } = model;
  return { inputs, outputs, nodes, size: bytes.length, ...state };
}

/** Throws a ValueError for an option of another part. */
function checkParts({ what, batch, conditions }: OnnxOptions): void {
  if (what === 'step' && batch !== undefined) {
    throw new ValueError('export', 'a training step has the batch of its run. Leave batch out.');
  }
  if (what === 'denoiser' || conditions === undefined) return;
  throw new ValueError(
    'export',
    `conditions are inputs of a denoiser, not of ${what}. Leave them out.`,
  );
}

/** Throws a ValueError at once if the file cannot be written. */
async function checkFile(out: string): Promise<void> {
  const isFolder = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!(await isFolder(dirname(out)))) {
    const problem = `the file ${out} lies in a folder that does not exist. Create ${dirname(out)} first.`;
    throw new ValueError('export', problem);
  }
  if (await isFolder(out)) {
    throw new ValueError('export', `${out} is a folder, expected a file to write.`);
  }
  await checkWritable(out);
}

async function modelOf({
  run,
  what,
  batch = 1,
  conditions,
  onNotice = () => undefined,
}: OnnxOptions & { readonly run: string }): Promise<{
  readonly model: OnnxModel;
  readonly state?: string;
}> {
  if (what === 'step') {
    const { trainingStepModel } = await import('./training-step.ts');
    return trainingStepModel(run, onNotice);
  }
  const trained = await readRun(run);
  if (what === 'denoiser') {
    const { denoiserModel } = await import('./denoiser.ts');
    return { model: await denoiserModel(trained, batch, conditions) };
  }
  const { decoderModel, encoderModel } = await import('./codec.ts');
  return { model: await (what === 'decoder' ? decoderModel : encoderModel)(trained, batch) };
}
