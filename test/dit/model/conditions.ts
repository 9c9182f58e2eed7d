import fc from 'fast-check';
import { arange, key, randomInt, split, uniform, type Tensor } from '@tessera/tensor';
import { DESIGNS } from '@tessera/dit';
import type { ConditionConfig, ConditionValues, DiT, ModelConfig } from '@tessera/dit';
import { sidesOf, type Sides } from '../../../packages/dit/src/config/ranges.ts';
import { randomInputs, TINY } from './sizes.ts';

/** One small condition of each kind, for models whose latents are 4×4. */
export const ALL_CONDITIONS: readonly ConditionConfig[] = [
  { kind: 'label', name: 'writer', classes: 3, dropoutProb: 0.1 },
  { kind: 'scalar', name: 'slant', range: [-1, 1], dropoutProb: 0.1 },
  { kind: 'text', name: 'text', length: 6, width: 8, depth: 1, heads: 2, dropoutProb: 0.1 },
  { kind: 'map', name: 'depth', size: 8, channels: 1, dropoutProb: 0.1 },
];

/** What is known of an image of two channels, and a branch that reads edges. */
const FURTHER: readonly ConditionConfig[] = [
  { kind: 'map', name: 'inpaint', size: 8, channels: 2, dropoutProb: 0.1 },
  { kind: 'control', name: 'edges', size: 8, channels: 1, blocks: 1, dropoutProb: 0 },
];

/** Small configurations of any design, sizes and set of conditions. */
export const anyConfig: fc.Arbitrary<ModelConfig> = fc
  .record({
    design: fc.constantFrom(...DESIGNS),
    patchSize: fc.constantFrom(1, 2, 4),
    numHeads: fc.constantFrom(1, 2, 4),
    depth: fc.constantFrom(1, 2),
    numClasses: fc.constantFrom(0, 1, 5),
    learnSigma: fc.boolean(),
    conditions: fc.subarray([...ALL_CONDITIONS, ...FURTHER]),
    inputSize: fc.constantFrom<Sides>(4, [4, 8], [8, 4]),
    qkNorm: fc.boolean(),
  })
  .map(({ qkNorm, conditions, ...some }) => ({
    ...TINY,
    ...some,
    ...(some.design === 'modern' && { qkNorm }),
    conditions: conditions.map((each) =>
      // Maps are twice as large as latents.
      each.kind === 'map' || each.kind === 'control'
        ? { ...each, size: sidesOf(some.inputSize).map((side) => 2 * side) as [number, number] }
        : each,
    ),
  }));

/** All that a model is asked for: random labels, if it knows any, and random values of its conditions. */
export function asked(model: DiT, labels: Tensor, random: Tensor): Record<string, Tensor> {
  const { numClasses } = model.config;
  const conditions = randomConditions(model, labels.shape[0], random);
  return numClasses === 0 ? conditions : { ...conditions, label: labels };
}

/** Inputs of a model, which may know no label. */
export function inputs(
  config: ModelConfig,
  batch: number,
  seed: number,
): ReturnType<typeof randomInputs> {
  return randomInputs({ ...config, numClasses: Math.max(1, config.numClasses) }, batch, key(seed));
}

/** Random values of all conditions of a model but the label, `batch` of each. Some pixels are unknown. */
export function randomConditions(model: DiT, batch: number, random: Tensor): ConditionValues {
  const { conditions = [] } = model.config;
  const keys = split(random, conditions.length);
  return Object.fromEntries(
    conditions.map((condition, i) => [condition.name, randomValues(condition, batch, keys[i])]),
  );
}

function randomValues(condition: ConditionConfig, batch: number, random: Tensor): Tensor {
  switch (condition.kind) {
    case 'label':
      return randomInt(random, [batch], 0, condition.classes);
    case 'scalar':
      return uniform(random, [batch], ...condition.range);
    case 'text':
      return randomTexts(random, batch, condition.length);
    case 'map':
    case 'control': {
      const { channels, size } = condition;
      return uniform(random, [batch, channels, ...sidesOf(size)], -0.2, 1);
    }
  }
}

/** Random bytes, then padding (256): texts of 1 to `length` bytes. */
function randomTexts(random: Tensor, batch: number, length: number): Tensor {
  const [forBytes, forLengths] = split(random);
  const bytes = randomInt(forBytes, [batch, length], 0, 256);
  const lengths = randomInt(forLengths, [batch, 1], 1, length + 1);
  const index = arange(length).unsqueeze(0);
  return index.less(lengths).where(bytes, 256);
}
