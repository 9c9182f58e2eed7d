// The state of the room Draw, as it stands in the address.

import { SAMPLERS } from '@tessera/dit';
import type { Device } from '../../engine/service.ts';
import { choiceField, numberField, textField, wholeField } from '../../state/fields.ts';

/** What the room does. */
export const MODES = ['draw', 'finish', 'path'] as const;

/** One of {@link MODES}. */
export type Mode = (typeof MODES)[number];

/** The largest seed. */
export const MOST_SEED = 9999;

/** The fields. `sampler` is empty while the run's own is meant. */
export const drawFields = {
  mode: choiceField<Mode>('draw', MODES),
  label: wholeField(7, 0, 999_999),
  prompt: textField('a thick seven leaning right'),
  guidance: numberField(2, 0, 8),
  steps: wholeField(20, 1, 100),
  sampler: choiceField('', ['', ...SAMPLERS]),
  seed: wholeField(1, 0, MOST_SEED),
  count: wholeField(4, 1, 9),
  shows: choiceField('drawn', ['drawn', 'guess']),
  strength: numberField(0.6, 0.05, 1),
  pad: textField(''),
  map: textField(''),
  toLabel: wholeField(3, 0, 999_999),
  toPrompt: textField('a thin three leaning left'),
  toSeed: wholeField(1, 0, MOST_SEED),
  device: choiceField<Device>('processor', ['processor', 'webgpu']),
} as const;
