// The conditions that the options of sampling ask for, read from texts, numbers and files.

import { ValueError } from '@tessera/tensor';
import type { TextConditionConfig } from '../config/condition.ts';
import { encodeTexts } from '../model/conditions/text.ts';
import type { DiT } from '../model/dit.ts';
import { repeated, type ConditionArrays } from './conditioning.ts';
import type { DrawOptions } from './trained-run.ts';
import { readMap } from './map-file.ts';
import type { SampleOptions } from './options.ts';
import { GRID_COLUMNS, gridIndices } from './sample-grid.ts';

/** Conditions of a grid of samples, as the generator takes them. */
type Asked = Pick<DrawOptions, 'openLabel' | 'conditions' | 'negative' | 'scales'>;

/**
 * Reads what the options ask for.
 *
 * @param columns how many images of each label there are
 * @throws ValueError if the model has no such condition, or a text is too long; FormatError if a map is no map
 */
export async function askedConditions(
  options: SampleOptions,
  model: DiT,
  columns: number = GRID_COLUMNS,
): Promise<Asked> {
  const { labels, openLabel, texts, negative, maps = {}, numbers = {}, scales } = options;
  const rows = gridIndices(
    labels.map((_, row) => row),
    columns,
  );
  const conditions: Record<string, Float32Array | Int32Array> = {};
  if (texts !== undefined) {
    const { length, words } = textOf(model, '--text');
    if (texts.length !== labels.length) {
      throw new ValueError(
        'sampleRun',
        `there are ${texts.length} texts for ${labels.length} labels, and each row has one of both. Name as many by --labels.`,
      );
    }
    conditions['text'] = encodeTexts(
      rows.map((row) => texts[row]),
      length,
      words,
    );
  }
  for (const [name, number] of Object.entries(numbers)) {
    sizesOf(model, name, 0);
    checkRange(model, name, number);
    conditions[name] = new Float32Array(rows.length).fill(number);
  }
  for (const [name, file] of Object.entries(maps)) {
    const [, size] = sizesOf(model, name, 3);
    conditions[name] = repeated(await readMap(file, size), rows.length);
  }
  return {
    ...(openLabel !== undefined && { openLabel }),
    ...(Object.keys(conditions).length > 0 && { conditions }),
    ...(negative !== undefined && { negative: negativeOf(model, negative) }),
    ...(scales !== undefined && { scales }),
  };
}

function negativeOf(model: DiT, negative: string): ConditionArrays {
  const { length, words } = textOf(model, '--negative');
  return { text: encodeTexts([negative], length, words) };
}

function textOf(model: DiT, option: string): TextConditionConfig {
  const text = model.config.conditions?.find(({ name }) => name === 'text');
  if (text?.kind === 'text') return text;
  throw new ValueError(
    'sampleRun',
    `${option}: the model of this run reads no text. Train one with --condition text.`,
  );
}

/** The shape of the values of a condition, which must be of this rank. */
function sizesOf({ conditions }: DiT, name: string, rank: number): readonly number[] {
  const found = Object.hasOwn(conditions, name) ? conditions[name].values.shape : undefined;
  if (found?.length === rank) return found;
  throw new ValueError(
    'sampleRun',
    `--${name}: the model of this run does not know ${name}. Train one with --condition ${name}.`,
  );
}

/** Throws a ValueError unless the embedding of a scalar tells this number apart from others. */
function checkRange({ config }: DiT, name: string, number: number): void {
  const scalar = config.conditions?.find((condition) => condition.name === name);
  if (scalar?.kind !== 'scalar') return;
  const [least, most] = scalar.range;
  if (number >= least && number <= most) return;
  throw new ValueError(
    'sampleRun',
    `--${name} ${number}: the model of this run tells apart ${least} to ${most}. Give a number in this range.`,
  );
}
