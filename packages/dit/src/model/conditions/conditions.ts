// All conditions of a model together: made by name, checked, dropped, and summed up.

import { bernoulli, concat, split, Tensor, ValueError, kindOf } from '@tessera/tensor';
import { LABEL, type ConditionConfig, type MapConditionConfig } from '../../config/condition.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { sidesOf } from '../../config/ranges.ts';
import { blockSizes } from '../blocks/block.ts';
import { blockDesigns } from '../blocks/designs.ts';
import type { Initialization } from '../initialization.ts';
import type { LabelEmbedder } from '../label.ts';
import {
  checkValues,
  dropValues,
  nullValues,
  type Branch,
  type Condition,
  type ContextTokens,
  type Contribution,
} from './condition.ts';
import { ControlCondition } from './control.ts';
import { LabelCondition } from './label.ts';
import { MapCondition } from './map.ts';
import { ScalarCondition } from './scalar.ts';
import { TextCondition } from './text.ts';

/** Values of conditions by name, `[B, ...]` each. `label` is the label of `numClasses`. */
export type ConditionValues = Readonly<Record<string, Tensor>>;

/** What a model is asked for: labels alone, int32 `[B]`, or the values of its conditions. */
export type Conditioning = Tensor | ConditionValues;

/** The conditions of a model by name. */
export type ConditionModules = Readonly<Record<string, Condition>>;

/** Makes the condition that a configuration describes. */
export function createCondition(
  condition: ConditionConfig,
  model: ModelConfig,
  initialization: Initialization,
): Condition {
  const { hiddenSize: width } = model;
  const patchSizeOf = ({ size }: Pick<MapConditionConfig, 'size'>): number =>
    (model.patchSize * sidesOf(size)[0]) / sidesOf(model.inputSize)[0];
  switch (condition.kind) {
    case 'label':
      return new LabelCondition(condition, width, initialization);
    case 'scalar':
      return new ScalarCondition(condition, width, initialization);
    case 'text':
      return new TextCondition(condition, width, initialization);
    case 'map':
      return new MapCondition(condition, width, patchSizeOf(condition), initialization);
    case 'control': {
      const design = blockDesigns[model.design];
      const shape = { design, sizes: blockSizes(model), patchSize: patchSizeOf(condition) };
      return new ControlCondition(condition, shape, initialization);
    }
  }
}

/**
 * The values of all conditions of a model, checked. Conditions that are not given get their null.
 *
 * @param y What the model is asked for.
 * @throws ValueError for a condition that the model does not have; ShapeError for values of another shape;
 *   StateError if the label is not given and has no null class.
 */
export function completeValues(
  op: string,
  y: Conditioning,
  batch: number,
  label: LabelEmbedder,
  modules: ConditionModules,
): ConditionValues {
  const given = givenValues(op, y);
  const unknown = Object.keys(given).find(
    (name) => name !== LABEL && !Object.hasOwn(modules, name),
  );
  if (unknown !== undefined) {
    const known = [LABEL, ...Object.keys(modules)].join(', ');
    throw new ValueError(op, `the model has no condition '${unknown}'. It has ${known}.`);
  }
  const labels = given[LABEL] ?? nullLabels(label, batch);
  const others = Object.entries(modules).map(([name, { values }]) => {
    const own = given[name] ?? nullValues(values, batch);
    checkValues(op, name, values, own, batch);
    return [name, own] as const;
  });
  return { [LABEL]: labels, ...Object.fromEntries(others) };
}

/** What the model is asked for, by name. Throws a ValueError unless it is tensors. */
export function givenValues(op: string, y: Conditioning): Partial<ConditionValues> {
  if (y instanceof Tensor) return { [LABEL]: y };
  if (typeof y === 'object' && y !== null && Object.values(y).every((v) => v instanceof Tensor)) {
    return y;
  }
  throw new ValueError(
    op,
    `y must be labels or the values of conditions by name, all of them tensors, but is ${kindOf(y)}.`,
  );
}

function nullLabels(label: LabelEmbedder, batch: number): Tensor {
  const { nullClass } = label;
  return nullValues({ shape: [], dtype: 'int32', nullElement: nullClass, dropoutProb: 0 }, batch);
}

/**
 * Replaces values by nulls at random: each condition of a sample with its own probability, and all of them
 * together with probability `jointProb`.
 *
 * Source: Ho & Salimans 2022, "Classifier-free diffusion guidance", section 3.1, for one condition; Brooks et
 * al. 2023, "InstructPix2Pix", section 3.2.1, for several that are also dropped together.
 */
export function dropAtRandom(
  values: ConditionValues,
  jointProb: number,
  label: LabelEmbedder,
  modules: ConditionModules,
  key: Tensor,
): ConditionValues {
  const { [LABEL]: labels } = values;
  const [labelKey, jointKey, ...keys] = split(key, 2 + Object.keys(modules).length);
  const together = jointProb > 0 ? bernoulli(jointKey, jointProb, labels.shape) : null;
  const ownLabels = label.dropLabels(labels, labelKey);
  const dropped = Object.entries(modules).map(([name, { values: kind }], i) => {
    const own = bernoulli(keys[i], kind.dropoutProb, labels.shape);
    return [
      name,
      dropValues(kind, values[name], together === null ? own : own.or(together)),
    ] as const;
  });
  return {
    [LABEL]: together === null ? ownLabels : label.dropWhere(ownLabels, together),
    ...Object.fromEntries(dropped),
  };
}

/** What all conditions of a model give together; `null` where none of them gives anything. */
export interface Contributions {
  readonly vector: Tensor | null;
  readonly tokens: ContextTokens | null;
  readonly patches: Tensor | null;
  readonly branches: readonly Branch[];
}

/** Sums up vectors and patches, and puts tokens one behind the other, in the order of the conditions. */
export function contributionsOf(modules: ConditionModules, values: ConditionValues): Contributions {
  const all = Object.entries(modules).map(([name, condition]) => condition.forward(values[name]));
  const some = <T>(pick: (each: Contribution) => T | undefined): T[] =>
    all.map(pick).filter((part) => part !== undefined);
  const sum = (parts: readonly Tensor[]): Tensor | null =>
    parts.length === 0 ? null : parts.reduce((a, b) => a.add(b));
  return {
    vector: sum(some(({ vector }) => vector)),
    tokens: joinTokens(some(({ tokens }) => tokens)),
    patches: sum(some(({ patches }) => patches)),
    branches: some(({ branch }) => branch),
  };
}

function joinTokens(parts: readonly ContextTokens[]): ContextTokens | null {
  if (parts.length <= 1) return parts[0] ?? null;
  return {
    values: concat(
      parts.map(({ values }) => values),
      1,
    ),
    mask: concat(
      parts.map(({ mask }) => mask),
      1,
    ),
  };
}

/** Number S of tokens that these conditions offer to every block. */
export function contextLength(modules: ConditionModules): number {
  return Object.values(modules).reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}
