// How samples are drawn beside the plain way: between two ends, around what is known, or from what is given.

import { ValueError } from '@tessera/tensor';
import { ASK_FOR_ARRAYS, codecName, notShown, rulesOf } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import { FILM_FORMATS, formatByName } from './output/formats.ts';
import { checkLabels } from './labels.ts';
import type { SampleOptions } from './options.ts';

/**
 * Throws a ValueError unless the ways that are asked for go together, and with the run. It needs the configuration
 * alone, so that it can speak before the model is loaded.
 */
export function checkWays(options: SampleOptions, config: TrainConfig): void {
  const { interpolate, inpaint, edit, film, latents, format, count } = options;
  checkCut(options);
  const asked = Object.entries({ interpolate, inpaint, edit }).filter(
    ([, way]) => way !== undefined,
  );
  if (asked.length > 1) {
    refuse(`--${asked[0][0]} and --${asked[1][0]} do not go together. Choose one of them.`);
  }
  // A part holds numbers, whatever becomes of them.
  const kind = format ?? (options.shard === undefined ? formatByName(options.out) : 'npy');
  if (kind === undefined)
    refuse(`--out ${options.out}: the end of the name says no format. Name one by --format.`);
  const isPicture = kind !== 'npy' && kind !== 'npz';
  if (latents === true && isPicture) {
    refuse(`--latents: ${kind} holds pictures, no latents. Use --format npy or npz.`);
  }
  checkShown(options, config, isPicture);
  if (film !== undefined && !FILM_FORMATS.some((known) => known === formatByName(film.file))) {
    refuse(
      `--film ${film.file}: expected a file name that ends in ${FILM_FORMATS.map((name) => `.${name}`).join(', ')}.`,
    );
  }
  if (film !== undefined && film.file === options.out) {
    refuse(`--film ${film.file}: the samples are written to this file. Name another.`);
  }
  const [line] = Object.entries({ interpolate, edit }).filter(([, way]) => way !== undefined);
  if (count !== undefined && line !== undefined) {
    refuse(`--count ${count}: --${line[0]} says itself how many images a row has. Leave it out.`);
  }
  if (interpolate !== undefined) checkInterpolation(options, config);
  if (edit !== undefined) checkEdit(options, config);
}

/** Throws a ValueError if a part, or parts, are asked for together with what goes with whole samples alone. */
function checkCut({ shard, merge, film, format }: SampleOptions): void {
  const [cut] = Object.entries({ shard, merge }).filter(([, asked]) => asked !== undefined);
  if (cut === undefined) return;
  if (shard !== undefined && merge !== undefined) {
    refuse('--shard and --merge do not go together. Draw the parts first, then merge them.');
  }
  if (film !== undefined) {
    refuse(`--${cut[0]}: a film shows the steps, which parts do not keep. Leave --film out.`);
  }
  if (shard !== undefined && format !== undefined) {
    refuse(
      `--format ${format}: a part has a format of its own. Name it when the parts are merged.`,
    );
  }
}

/** Throws a ValueError if latents that the run was trained on are to be shown, or made of images. */
function checkShown(
  { out, film, inpaint, edit, latents }: SampleOptions,
  config: TrainConfig,
  isPicture: boolean,
): void {
  if (codecName(config) !== 'latents') return;
  if (latents === true) {
    refuse('--latents: this run draws latents and nothing else. Leave --latents out.');
  }
  const fromImage = Object.entries({ inpaint, edit }).find(([, way]) => way !== undefined);
  if (fromImage !== undefined) {
    refuse(
      `--${fromImage[0]}: this run was trained on latents, and what made them of images is not known here. Leave it out.`,
    );
  }
  if (rulesOf(config).imageShape(config) !== undefined) return;
  const picture = isPicture
    ? `--out ${out}`
    : film === undefined
      ? undefined
      : `--film ${film.file}`;
  if (picture !== undefined)
    refuse(`${picture}: ${notShown(config)}, which no picture shows. ${ASK_FOR_ARRAYS}`);
}

function checkInterpolation(
  { interpolate, labels, texts, scales, eta, sampler }: SampleOptions,
  config: TrainConfig,
): void {
  if (interpolate === undefined) return;
  const { toLabels, toTexts, toSeed } = interpolate;
  if (toLabels === undefined && toTexts === undefined && toSeed === undefined) {
    refuse('--interpolate: there is no second end. Give --to-labels, --to-text or --to-seed.');
  }
  if (toLabels !== undefined) {
    checkKnows(config, '--to-labels');
    checkLabels('sampleRun', toLabels, config);
    if (toLabels.length !== labels.length) {
      refuse(
        `--to-labels: there are ${toLabels.length} for ${labels.length} rows, expected one for each.`,
      );
    }
  }
  if (toTexts !== undefined && texts === undefined) {
    refuse('--to-text: there is no text to start from. Give --text too.');
  }
  if (toTexts !== undefined && toTexts.length !== labels.length) {
    refuse(
      `--to-text: there are ${toTexts.length} for ${labels.length} rows, expected one for each.`,
    );
  }
  if (scales !== undefined) {
    refuse(
      '--guidance has a scale for each condition, but between two ends there is one for all. Give a number.',
    );
  }
  if (sampler === 'ddpm' || (eta ?? 0) > 0) {
    refuse(
      `--interpolate: the sampler ${sampler} draws noise at each step, so that neighbours differ by chance. Use another, or --eta 0.`,
    );
  }
}

function checkEdit(
  { edit, labels, texts, sampler, eta, steps }: SampleOptions,
  config: TrainConfig,
): void {
  if (edit === undefined) return;
  const { label, text, strength = 1 } = edit;
  if (config.diffusion.objective === 'mean-flow') {
    refuse(
      '--edit: this run is a flow map, which knows the way from noise to images but not back. Use the run of its flow.',
    );
  }
  if (label !== undefined) {
    checkKnows(config, '--from-label');
    checkLabels('sampleRun', [label], config);
  }
  if (config.model.numClasses > 0 && label === undefined) {
    refuse('--edit: what the image shows is not known. Say it by --from-label.');
  }
  if (texts !== undefined && text === undefined) {
    refuse('--edit: what the image shows is not known. Say it by --from-text.');
  }
  if (texts === undefined && text !== undefined) {
    refuse('--from-text: there is no text to lead to. Give --text too.');
  }
  if (labels.length > 100)
    refuse(`--edit: there are ${labels.length} labels, expected at most 100.`);
  if (sampler === 'ddpm' || (eta ?? 0) > 0) {
    refuse(
      `--edit: the sampler ${sampler} draws noise at each step, which does not lead back to the image. Use another, or --eta 0.`,
    );
  }
  if (!(strength > 0 && strength <= 1)) {
    refuse(`--strength ${strength}: expected a number above 0, up to 1.`);
  }
  if (Math.round(strength * steps) < 1) {
    refuse(`--strength ${strength}: of ${steps} steps it leaves none. Choose more of one of them.`);
  }
}

function checkKnows({ model }: TrainConfig, option: string): void {
  if (model.numClasses > 0) return;
  refuse(`${option}: this run knows no labels. Leave ${option} out.`);
}

function refuse(problem: string): never {
  throw new ValueError('sampleRun', problem);
}
