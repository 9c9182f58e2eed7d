/** Trainings of a second on small noise, that are stopped and go on, and all that they leave. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSafetensors } from '@tessera/tensor';
import { presetConfig, type AutoencoderTrainConfig } from '@tessera/dit';
import {
  readLog,
  resumeRun,
  train,
  type ImageData,
  type PresetChanges,
  type StateName,
  type TrainOptions,
} from '@tessera/dit/node';
import { listStates, statePath } from '../../../packages/dit/src/run/state/state-folder.ts';

const SIDE = 8;

/** Images of noise with labels. */
export function noise(count = 24): ImageData {
  const images = Uint8Array.from({ length: count * SIDE ** 2 }, (_, i) => (i * 2654435761) >>> 24);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  const set = { images, labels, count, rows: SIDE, columns: SIDE };
  const facts = { format: 'noise', range: '0 to 255', notes: [], bad: [] };
  return { kind: 'images', train: set, test: set, ...facts };
}

/** The preset smoke, as small as it can be. */
export function leastConfig(changes: Omit<PresetChanges, 'pixels'> = {}): AutoencoderTrainConfig {
  const smoke = presetConfig('smoke', { steps: 6, batch: 4, data: 'noise', ...changes });
  const { conditions } = smoke.model;
  const { learningRate, klWeight } = smoke.autoencoder;
  return {
    ...smoke,
    sampleEvery: 100,
    autoencoder: {
      imageSize: SIDE,
      channels: [2, 4],
      latentChannels: 2,
      steps: 4,
      batch: 4,
      learningRate,
      klWeight,
    },
    model: {
      ...smoke.model,
      inputSize: SIDE / 2,
      patchSize: 2,
      inChannels: 2,
      hiddenSize: 8,
      depth: 1,
      numHeads: 2,
      ...(conditions !== undefined && {
        conditions: conditions.map((each) =>
          each.kind === 'map'
            ? { ...each, size: SIDE }
            : each.kind === 'text'
              ? { ...each, width: 8, heads: 2 }
              : each,
        ),
      }),
    },
    sampling: { ...smoke.sampling, steps: 1 },
  };
}

/**
 * Trains a run, and stops it after each of these steps and one more, to go on from there.
 *
 * @returns the notices of all its parts
 */
export async function trainStopping(
  options: TrainOptions & { readonly out: string },
  stops: readonly StateName[],
): Promise<string[]> {
  const { config, out, ...rest } = options;
  const notices: string[] = [];
  for (const [i, stop] of [...stops, undefined].entries()) {
    const end = new AbortController();
    const shared = {
      ...rest,
      saveEvery: { steps: 1 },
      signal: end.signal,
      onNotice: (text: string) => notices.push(text),
      onProgress: ({ stage, step }: StateName) => {
        if (stage === stop?.stage && step === stop.step) end.abort();
      },
    };
    const part = i === 0 ? train({ config, out, ...shared }) : resumeRun({ run: out, ...shared });
    await part.catch((error: unknown) => {
      if (stop === undefined || error !== end.signal.reason) throw error;
    });
  }
  return notices;
}

/**
 * All that two runs of the same bits have in common: weights and averages, the last state (moments, keys, losses), and
 * the log but for its clock.
 */
export async function leftBy(run: string): Promise<object> {
  const [newest] = await listStates(run);
  // The model, its other averages, and the autoencoder where there is one.
  const weights = (await readdir(run)).filter((file) => file.endsWith('.safetensors')).sort();
  const files = weights.map((file) => join(run, file));
  const tensors = await Promise.all(
    [...files, statePath(run, newest)].map(
      async (path) => decodeSafetensors(await readFile(path)).tensors,
    ),
  );
  const rows = await readLog(join(run, 'log.jsonl'));
  return {
    newest,
    weights,
    tensors,
    rows: rows.map((row) => ({ ...row, memory: 0, imagesPerSecond: 0 })),
  };
}
