// Samples that several jobs draw: a part of what is asked, saved; or the saved parts, put together.

import { createHash } from 'node:crypto';
import { addPlain, addTensors } from '../../run/integrity/hash.ts';
import {
  checkPartFolder,
  mergeParts,
  writePart,
  type CutWork,
  type RowSets,
} from '../../shard/parts.ts';
import { checkUnits, type Shard } from '../../shard/shard.ts';
import { IMAGES_AT_ONCE } from '../generate-options.ts';
import type { DrawOptions, TrainedRun } from '../trained-run.ts';

/** A set of samples: as many as there are labels. */
export interface SampleSet {
  readonly labels: readonly number[];
  readonly options: DrawOptions;
}

/** Sets of samples of one size by their names, drawn with one run. */
export interface SampleSets {
  /** The operation in errors. */
  readonly op: string;
  readonly run: TrainedRun;
  /** What is drawn: images, or the latents of the diffusion. */
  readonly what: 'images' | 'latents';
  readonly sets: ReadonlyMap<string, SampleSet>;
}

/** Draws a set, or the part of it that its options name. */
export function drawSet(
  { run, what }: Pick<SampleSets, 'run' | 'what'>,
  { labels, options }: SampleSet,
): Promise<Float32Array> {
  return what === 'latents' ? run.drawLatents(labels, options) : run.draw(labels, options);
}

/**
 * Draws a part of all sets and writes it into a folder, which is made if it is not there.
 *
 * @returns the file of the part
 * @throws ValueError if there are more parts than work, or the folder cannot be written
 */
export async function drawPart(sets: SampleSets, folder: string, shard: Shard): Promise<string> {
  const work = await workOf(sets);
  checkUnits(sets.op, work, shard);
  await checkPartFolder(sets.op, folder, shard);
  const drawn = new Map<string, Float32Array>();
  for (const [name, { labels, options }] of sets.sets) {
    drawn.set(name, await drawSet(sets, { labels, options: { ...options, shard } }));
  }
  return writePart(folder, work, shard, drawn);
}

/** The sets of which all parts lie in a folder: the bits that one job would have drawn on the same backend. */
export async function mergedSets(sets: SampleSets, folder: string): Promise<RowSets> {
  return mergeParts(folder, await workOf(sets), [...sets.sets.keys()]);
}

/** How sets are cut, with a hash of weights, labels and options. */
async function workOf({ op, run, what, sets }: SampleSets): Promise<CutWork> {
  const { config, model, autoencoder } = run;
  const hash = createHash('sha256');
  await addTensors(hash, { model, ...(autoencoder !== undefined && { autoencoder }) });
  const asked = [...sets].map(([name, { labels, options }]) => {
    const { onStep: _onStep, onProgress: _onProgress, ...plain } = options;
    return { name, labels, options: plain };
  });
  addPlain(hash, { what, config, asked });
  const [{ labels }] = sets.values();
  return { op, rows: labels.length, unit: IMAGES_AT_ONCE, digest: hash.digest('hex') };
}
