// The values of conditions that samples are asked for, as tensors for a model.

import { kindOf, tensor, ValueError, type Tensor } from '@tessera/tensor';
import { checkFields } from '../config/argument-check.ts';
import { LABEL } from '../config/condition.ts';
import type { ConditionValues, Conditioning } from '../model/conditions/conditions.ts';
import type { DiT } from '../model/dit.ts';

/** Values of conditions by name, those of all images one behind the other. */
export type ConditionArrays = Readonly<Record<string, Float32Array | Int32Array>>;

/**
 * The conditioning of the images from `start` on: labels alone for a model that knows nothing else, and no label
 * for a model without classes that does.
 *
 * @param openLabel Whether null classes take the place of the labels.
 */
export function conditioningOf(
  model: DiT,
  labels: readonly number[],
  arrays: ConditionArrays,
  start: number,
  openLabel = false,
): Conditioning {
  const { conditions, config } = model;
  const asked = Int32Array.from(labels);
  const label = tensor(openLabel ? asked.fill(model.nullClass) : asked);
  if (Object.keys(conditions).length === 0) return label;
  const values = Object.entries(arrays).map(([name, all]): [string, Tensor] => {
    const { shape } = conditions[name].values;
    const size = shape.reduce((product, side) => product * side, 1);
    const some = all.slice(start * size, (start + labels.length) * size);
    return [name, tensor(some, { shape: [labels.length, ...shape] })];
  });
  return { ...Object.fromEntries(values), ...(config.numClasses > 0 && { [LABEL]: label }) };
}

/** `count` times the same values, one behind the other. */
export function repeated(one: Float32Array, count: number): Float32Array {
  const all = new Float32Array(one.length * count);
  for (let i = 0; i < count; i++) all.set(one, i * one.length);
  return all;
}

/** The values of one image as those of `count` images. */
export function repeatedValues(model: DiT, one: ConditionArrays, count: number): ConditionValues {
  const values = conditioningOf(model, [0], one, 0) as ConditionValues;
  return Object.fromEntries(
    Object.keys(one).map((name) => {
      const value = values[name];
      return [name, value.expand([count, ...value.shape.slice(1)])];
    }),
  );
}

/** Throws a ValueError unless these are values of a model's conditions for `count` images. */
export function checkArrays(
  op: string,
  name: string,
  { conditions }: DiT,
  arrays: ConditionArrays,
  count: number,
): void {
  checkFields(op, name, arrays, [], 'Give arrays by the names of conditions.');
  for (const [condition, array] of Object.entries(arrays)) {
    if (!Object.hasOwn(conditions, condition)) {
      const known = Object.keys(conditions).join(', ') || 'only the label';
      throw new ValueError(op, `the model has no condition '${condition}'. It has ${known}.`);
    }
    const { shape, dtype } = conditions[condition].values;
    const kind = dtype === 'int32' ? Int32Array : Float32Array;
    const size = shape.reduce((product, side) => product * side, count);
    if (array instanceof kind && array.length === size) continue;
    const found = array instanceof kind ? `${array.length} values` : kindOf(array);
    throw new ValueError(
      op,
      `${name}.${condition} is ${found}, expected ${kind.name} of ${size} values for ${count} images.`,
    );
  }
}
