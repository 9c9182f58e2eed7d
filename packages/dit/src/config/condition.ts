// What a model hears beside timestep and label: the conditions of a configuration, and their checks.

import { kindOf } from '@tessera/tensor';
import * as v from 'valibot';
import { formatSides, sidesOf, type Sides } from './ranges.ts';
import type { ModelConfig } from './model-config.ts';

/** What all conditions of a configuration have. */
interface NamedCondition {
  /** The name of its values in a batch, and of its weights: `conditions.<name>`. */
  readonly name: string;
  /** Probability that training replaces a value by the null of the condition. */
  readonly dropoutProb: number;
}

/** A further class label, such as the writer of a digit. */
export interface LabelConditionConfig extends NamedCondition {
  readonly kind: 'label';
  /** Number of classes K; the null class is number K. */
  readonly classes: number;
}

/** A number, such as the width of a stroke. */
export interface ScalarConditionConfig extends NamedCondition {
  readonly kind: 'scalar';
  /** The ends of the range that the embedding tells apart. Values beyond count as the ends. */
  readonly range: readonly [number, number];
}

/** A text, read by a transformer encoder that is trained along. */
export interface TextConditionConfig extends NamedCondition {
  readonly kind: 'text';
  /** Most tokens of a text, S: words of `words`, and bytes of others. */
  readonly length: number;
  /** Words that are one token each. Default: none, so that every token is a byte. */
  readonly words?: readonly string[];
  /** Width W of the encoder. */
  readonly width: number;
  /** Number of blocks of the encoder. */
  readonly depth: number;
  /** Attention heads of the encoder; divides `width`. */
  readonly heads: number;
}

/** A map over the image, such as depth or edges. */
export interface MapConditionConfig extends NamedCondition {
  readonly kind: 'map';
  /** Side of the square map in pixels, or height and width: a multiple of the model's `inputSize`. */
  readonly size: Sides;
  readonly channels: number;
}

/** A map over the image that a branch of its own reads: a ControlNet. */
export interface ControlConditionConfig extends NamedCondition {
  readonly kind: 'control';
  /** Side of the map in pixels, or its height and width: a multiple of the model's `inputSize`. */
  readonly size: Sides;
  readonly channels: number;
  /** Number of blocks of the branch, at most the `depth` of the model. */
  readonly blocks: number;
}

/** One of the conditions of a model beside timestep and label. */
export type ConditionConfig =
  | LabelConditionConfig
  | ScalarConditionConfig
  | TextConditionConfig
  | MapConditionConfig
  | ControlConditionConfig;

/** The branch of a model that a run trains while the rest stays as it is: its last condition, if that is one. */
export function lastBranch({
  conditions,
}: Pick<ModelConfig, 'conditions'>): ControlConditionConfig | undefined {
  const last = conditions?.at(-1);
  return last?.kind === 'control' ? last : undefined;
}

/** The name that the label of `numClasses` has in a batch. */
export const LABEL = 'label';

/** The name of the map that is the image itself, with those pixels unknown that are to be drawn. */
export const INPAINT = 'inpaint';

const fraction = v.pipe(
  v.number(),
  v.finite(),
  v.minValue(0, 'must not be negative'),
  v.maxValue(1, 'must be at most 1'),
);

function whole(least: number, most: number): v.GenericSchema<unknown, number> {
  return v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
}

/** A name becomes a part of a tensor's path and an option of the command line. */
const name = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,39}$/, 'must be small letters, digits and hyphens'),
  v.notValue(LABEL, `'${LABEL}' is the condition of numClasses`),
);

const named = { name, dropoutProb: fraction };

/** Words of a text, as `encodeTexts` finds them. */
const words = v.pipe(
  v.array(v.pipe(v.string(), v.regex(/^[\p{L}\p{N}]{1,40}$/u, 'must be letters and digits'))),
  v.maxLength(10_000, 'must be at most 10000'),
  v.check((list) => new Set(list).size === list.length, 'must be different'),
);

const mapSide = whole(1, 1024);

const conditionSchema: v.GenericSchema<unknown, ConditionConfig> = v.variant('kind', [
  v.strictObject({ ...named, kind: v.literal('label'), classes: whole(1, 100_000) }),
  v.strictObject({
    ...named,
    kind: v.literal('scalar'),
    range: v.pipe(
      v.strictTuple([v.pipe(v.number(), v.finite()), v.pipe(v.number(), v.finite())]),
      v.check(([low, high]) => low < high, 'must have its lower end first'),
    ),
  }),
  v.pipe(
    v.strictObject({
      ...named,
      kind: v.literal('text'),
      length: whole(1, 1024),
      words: v.exactOptional(words),
      width: whole(1, 1024),
      depth: whole(1, 24),
      heads: whole(1, 1024),
    }),
    v.check(({ width, heads }) => width % heads === 0, 'heads must divide width'),
  ),
  v.strictObject({
    ...named,
    kind: v.literal('map'),
    size: v.union([mapSide, v.strictTuple([mapSide, mapSide])]),
    channels: whole(1, 64),
  }),
  v.strictObject({
    ...named,
    kind: v.literal('control'),
    size: v.union([mapSide, v.strictTuple([mapSide, mapSide])]),
    channels: whole(1, 64),
    blocks: whole(1, 1000),
  }),
]);

/** The schema of all conditions of a model. */
export const conditionsSchema: v.GenericSchema<unknown, readonly ConditionConfig[]> = v.pipe(
  v.array(conditionSchema),
  v.maxLength(16, 'must be at most 16'),
  v.check(
    (conditions) => new Set(conditions.map((each) => each.name)).size === conditions.length,
    'must have different names',
  ),
);

/** Whether both sides of a size are the same whole multiple of those of another. */
function isMultiple(size: Sides, of: Sides): boolean {
  const [[height, width], [unitHeight, unitWidth]] = [sidesOf(size), sidesOf(of)];
  return height % unitHeight === 0 && height / unitHeight === width / unitWidth;
}

/** Says which rule between a model and its conditions is broken first; `undefined` if all hold. */
export function conditionProblem({
  inputSize,
  depth,
  numClasses,
  classDropoutProb,
  conditions = [],
  jointDropoutProb = 0,
}: ModelConfig): string | undefined {
  for (const condition of conditions) {
    if (condition.kind !== 'map' && condition.kind !== 'control') continue;
    const { name: own, size } = condition;
    if (!isMultiple(size, inputSize)) {
      return `the map '${own}' has size ${formatSides(size)}, which is no multiple of inputSize ${formatSides(inputSize)}`;
    }
    if (condition.kind === 'control' && condition.blocks > depth) {
      return `the branch '${own}' has ${condition.blocks} blocks, but the model has ${depth}`;
    }
  }
  if (!(typeof jointDropoutProb === 'number' && jointDropoutProb >= 0 && jointDropoutProb <= 1)) {
    return `jointDropoutProb must lie in [0, 1], but is ${kindOf(jointDropoutProb)}`;
  }
  if (jointDropoutProb > 0 && conditions.length === 0) {
    return `jointDropoutProb ${jointDropoutProb} drops several conditions together, but the model has none beside the label. Leave it out, or raise classDropoutProb`;
  }
  if (jointDropoutProb > 0 && classDropoutProb === 0 && numClasses > 0) {
    return `jointDropoutProb ${jointDropoutProb} needs a null class, but classDropoutProb is 0`;
  }
  return undefined;
}
