import type { TrainingRun } from './dit-training.ts';

/** The largest difference of two runs' numbers, as a share of the number or of 1. */
export function largestDeviation(found: TrainingRun, wanted: TrainingRun): number {
  const numbers = ({ losses, gradNorms, parameters }: TrainingRun): number[] => [
    ...losses,
    ...gradNorms,
    ...parameters,
  ];
  const [got, want] = [numbers(found), numbers(wanted)];
  if (got.length !== want.length) return Infinity;
  return got.reduce((most, value, i) => {
    const difference = Math.abs(value - want[i]) / Math.max(1, Math.abs(want[i]));
    return Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }, 0);
}
