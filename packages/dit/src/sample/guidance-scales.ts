// Guidance scales by name: the one of the label, and how errors and pictures write them.

import { ValueError } from '@tessera/tensor';
import { LABEL } from '../config/condition.ts';

/** Guidance scales of conditions by their names. */
export type GuidanceScales = Readonly<Record<string, number>>;

/** Guidance as the command line takes it: `2`, or `text=3,depth=1.5`. */
export function formatGuidance(guidance: number, scales?: GuidanceScales): string {
  if (scales === undefined) return String(guidance);
  return Object.entries(scales)
    .map(([name, scale]) => `${name}=${scale}`)
    .join(',');
}

/**
 * The guidance scale of a model that knows labels alone, or nothing.
 *
 * @throws ValueError for a scale of anything that the model does not know
 */
export function labelScale(
  numClasses: number,
  guidance: number,
  scales: GuidanceScales | undefined,
): number {
  if (scales === undefined) return guidance;
  const unknown = Object.keys(scales).find((name) => name !== LABEL || numClasses === 0);
  if (unknown !== undefined) {
    const known = numClasses === 0 ? 'nothing' : `the ${LABEL} alone`;
    throw new ValueError(
      'generate',
      `there is a scale for '${unknown}', but the model knows ${known}.`,
    );
  }
  return scales[LABEL] ?? 1;
}
