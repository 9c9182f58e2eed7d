// `npm run bench -- saving`: how much of the time of a training its saved states take.

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { presetConfig, type Preset } from '@tessera/dit';
import { train } from '@tessera/dit/node';
import { summarize } from './compare/statistics.ts';

/** What is trained, and how often it is saved. */
export interface SavingOptions {
  readonly preset: Preset;
  /** Saves that are timed. */
  readonly samples: number;
}

/** Steps of the Diffusion Transformer in a block: one with a save at its start, then one without, in turns. */
const BLOCK = 100;

/** The interval of the command line by default, in milliseconds. */
const INTERVAL_MS = 5 * 60_000;

/** Steps of the autoencoder, which is not timed. */
const AUTOENCODER_STEPS = 20;

/**
 * Trains a preset and prints what a save costs: the time of the 100 steps after it less that of the 100 steps
 * before the next, medians both. So the cost holds the wait for the tensors and all by which the writing slows the
 * steps beside it.
 */
export async function benchSaving({ preset, samples }: SavingOptions): Promise<void> {
  const steps = (2 * samples + 2) * BLOCK;
  const { autoencoder, ...rest } = presetConfig(preset, { steps });
  if (autoencoder === undefined) throw new Error(`${preset} has no autoencoder.`);
  const config = { ...rest, autoencoder: { ...autoencoder, steps: AUTOENCODER_STEPS } };
  const out = await mkdtemp(join(tmpdir(), 'tessera-saving-'));
  // Times of the steps that end blocks. A state is saved after its step has been reported.
  const ends = new Map<number, number>();
  try {
    await train({
      config: { ...config, sampleEvery: steps },
      out,
      saveEvery: { steps: 2 * BLOCK },
      onProgress: ({ stage, step }) => {
        if (stage === 'diffusion' && step % BLOCK === 0) ends.set(step, performance.now());
      },
    });
    const state = join(out, 'state', `diffusion-${String(steps).padStart(6, '0')}.safetensors`);
    const { size } = await stat(state);
    const block = (start: number): number =>
      (ends.get(start + BLOCK) ?? NaN) - (ends.get(start) ?? NaN);
    const starts = Array.from({ length: samples }, (_, i) => 2 * BLOCK * (i + 1));
    const saving = summarize(starts.map(block)).median;
    const plain = summarize(starts.map((start) => block(start + BLOCK))).median;
    const cost = saving - plain;
    const share = (100 * cost) / INTERVAL_MS;
    console.log(
      `${cpus()[0].model}, ${availableParallelism()} cores, Node ${process.version}\n` +
        `${preset}: a state of ${(size / 2 ** 20).toFixed(1)} MiB; ${BLOCK} steps take ${saving.toFixed(0)} ms ` +
        `after a save, ${plain.toFixed(0)} ms otherwise (medians of ${samples}): a save costs ${cost.toFixed(0)} ms, ` +
        `${share.toFixed(3)} % of the 5 minutes to the next.`,
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
