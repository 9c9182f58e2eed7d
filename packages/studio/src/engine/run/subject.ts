// What an image shows, and how a model is told so.

import { encodeTexts, type ConditionArrays, type TrainedRun } from '@tessera/dit';

/** What an image shows. */
export interface Subject {
  /** A class; 0 for a model without classes. */
  readonly label: number;
  /** A text, for a model that reads one; empty: none. */
  readonly prompt: string;
}

/** Maps over the image by the names of conditions, `[size, size]` in [0, 1]. */
export type SubjectMaps = Readonly<Record<string, Float32Array>>;

/** The conditions of a model, besides its label, for images that all show the same. */
export function conditionsOf(
  { config }: TrainedRun,
  { prompt }: Subject,
  maps: SubjectMaps,
  count: number,
): ConditionArrays {
  const arrays: Record<string, Float32Array | Int32Array> = {};
  for (const condition of config.model.conditions ?? []) {
    const { name } = condition;
    if (condition.kind === 'text' && prompt.trim() !== '') {
      const texts = new Array<string>(count).fill(prompt);
      arrays[name] = encodeTexts(texts, condition.length, condition.words);
    } else if (maps[name] !== undefined) arrays[name] = repeated(maps[name], count);
  }
  return arrays;
}

/** `count` times the same values, one behind the other. */
export function repeated(one: Float32Array, count: number): Float32Array {
  const all = new Float32Array(one.length * count);
  for (let i = 0; i < count; i++) all.set(one, i * one.length);
  return all;
}
