// The state of the room Train, as it stands in the address.

import { DESIGNS, OBJECTIVES } from '@tessera/dit';
import type { Device } from '../../engine/service.ts';
import { choiceField, wholeField, type ValuesOf } from '../../state/fields.ts';
import type { DataFacts, TrainSettings } from './train-messages.ts';

/** The designs of the paper, which race. */
const RACERS = ['in-context', 'cross-attention', 'adaln', 'adaln-zero'] as const;

/** The objectives of a training from nothing; a flow map starts from a trained flow. */
export const CHOSEN_OBJECTIVES = OBJECTIVES.filter((name) => name !== 'mean-flow');

/** The patches that divide what models see. */
export function patchesOf({ codec }: Pick<DataFacts, 'codec'>): readonly number[] {
  return codec === 'pixels' ? [4, 8, 16] : [1, 2, 4];
}

/** The designs to choose from: one alone, or those of the paper as a race. */
export const RUNNERS = [...DESIGNS, 'race'] as const;

/** The fields. A patch of 0 is the middle one of those that fit. */
export const trainFields = {
  design: choiceField('adaln-zero', RUNNERS),
  objective: choiceField('v', CHOSEN_OBJECTIVES),
  patch: wholeField(0, 0, 16),
  width: wholeField(96, 16, 256),
  depth: wholeField(3, 1, 12),
  steps: wholeField(1000, 10, 20_000),
  seed: wholeField(0, 0, 9999),
  device: choiceField<Device>('processor', ['processor', 'webgpu']),
} as const;

/** The trainings that the values of the room ask for. */
export function planOf(
  { design, patch, ...values }: ValuesOf<typeof trainFields>,
  data: DataFacts,
): readonly TrainSettings[] {
  const patches = patchesOf(data);
  const { objective, width, depth, steps, seed } = values;
  const chosen = patches.includes(patch) ? patch : patches[1];
  const rest = { objective, patch: chosen, width, depth, steps, seed };
  const designs = design === 'race' ? RACERS : [design];
  return designs.map((each) => ({ design: each, ...rest }));
}
