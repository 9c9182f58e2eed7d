import { arange, randomInt, split, uniform, type Tensor } from '@tessera/tensor';
import type { ConditionConfig, ConditionValues, DiT } from '@tessera/dit';
import { sidesOf } from '../../../packages/dit/src/config/ranges.ts';

/** One small condition of each kind, for models whose latents are 4×4. */
export const ALL_CONDITIONS: readonly ConditionConfig[] = [
  { kind: 'label', name: 'writer', classes: 3, dropoutProb: 0.1 },
  { kind: 'scalar', name: 'slant', range: [-1, 1], dropoutProb: 0.1 },
  { kind: 'text', name: 'text', length: 6, width: 8, depth: 1, heads: 2, dropoutProb: 0.1 },
  { kind: 'map', name: 'depth', size: 8, channels: 1, dropoutProb: 0.1 },
];

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
