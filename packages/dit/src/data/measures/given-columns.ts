// The values of conditions that latents bring along: nothing can be measured from them.

import { ValueError } from '@tessera/tensor';
import { INPAINT, type ConditionConfig } from '../../config/condition.ts';
import { formatSides, sidesOf } from '../../config/ranges.ts';
import { encodeTexts, mostTokens } from '../../model/conditions/text.ts';
import type { Column } from '../condition-values.ts';
import type { GivenLatents } from '../data-set.ts';

/**
 * Throws unless latents bring along what conditions take.
 *
 * @throws ValueError for captions, maps or measures that are missing
 */
export function checkGiven(conditions: readonly ConditionConfig[], set: GivenLatents): void {
  for (const { kind, name } of conditions) {
    if (kind === 'text' ? set.captions !== undefined : set.maps?.[name] !== undefined) continue;
    const hint =
      kind === 'text'
        ? 'Add an array captions'
        : kind === 'scalar' || name === INPAINT
          ? 'Train on images'
          : `Add an array ${name}`;
    throw new ValueError(
      'train',
      `the condition '${name}' is measured from images, but the data have latents without it. ${hint}, or leave it out.`,
    );
  }
}

/**
 * The values of a condition for latents.
 *
 * @throws ValueError if the latents do not bring them along, or not in the sizes of the condition
 */
export function givenColumn(condition: ConditionConfig, set: GivenLatents): Column {
  checkGiven([condition], set);
  const { captions = [], maps = {}, mapSides = [0, 0] } = set;
  if (condition.kind === 'text') {
    const { name, length, words } = condition;
    const most = mostTokens(captions, words);
    if (length < most) {
      throw new ValueError(
        'train',
        `the condition '${name}' reads at most ${length} ${words === undefined ? 'bytes' : 'tokens'}, but captions have up to ${most}. Set its length to ${most} or more.`,
      );
    }
    return {
      shape: [length],
      gather: (indices) =>
        encodeTexts(
          Array.from(indices, (each) => captions[each]),
          length,
          words,
        ),
    };
  }
  if (condition.kind !== 'map' && condition.kind !== 'control') {
    throw new ValueError('train', `the condition '${condition.name}' goes with images alone.`);
  }
  const { name, size, channels } = condition;
  if (channels !== 1 || sidesOf(size).join() !== mapSides.join()) {
    throw new ValueError(
      'train',
      `the maps '${name}' of the data are ${formatSides(mapSides)} of one channel, but the condition takes ${formatSides(sidesOf(size))} of ${channels}. Set its size and channels to those of the data.`,
    );
  }
  const area = mapSides[0] * mapSides[1];
  const bytes = maps[name];
  return {
    shape: [1, ...mapSides],
    gather(indices) {
      const all = new Float32Array(indices.length * area);
      indices.forEach((each, i) => {
        for (let pixel = 0; pixel < area; pixel++) {
          all[i * area + pixel] = bytes[each * area + pixel] / 255;
        }
      });
      return all;
    },
  };
}
