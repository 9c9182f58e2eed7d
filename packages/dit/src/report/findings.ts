// What is odd about a training: spikes, exploding norms, dead gradients, steps too large or too small.

import type { TrainStage } from '../config/choices.ts';
import type { LogRow, ModuleNorms } from '../run/log.ts';

/** Something that a reader should look at. */
export interface Finding {
  readonly kind: 'spike' | 'exploding' | 'dead' | 'large steps' | 'small steps' | 'slow';
  readonly stage: TrainStage;
  /** One sentence. */
  readonly text: string;
}

/** Rows before a row that say what is usual, and the fewest that do. */
const [WINDOW, FEWEST] = [50, 10];

/** A value is a spike if it lies by more than this many median deviations above the median before it. */
const SPIKE = 8;

/**
 * A median deviation counts as at least this share of the median. A smooth loss has no spikes then; a norm of the
 * gradient, which jumps to its fivefold in healthy trainings too, has one only from its tenfold on.
 */
const LEAST_DEVIATION = { loss: 0.1, gradNorm: 9 / SPIKE } as const;

/** A norm explodes if it ends this many times above where it settled. */
const EXPLOSION = 10;

/** A gradient is dead if its norm is below this share of that of the whole model. */
const DEAD = 1e-7;

/** What a step usually changes of a module's weights lies between these shares. */
const [SMALLEST_STEP, LARGEST_STEP] = [1e-7, 0.1];

/** Below this share of its usual speed a training is slow. */
const SLOW = 0.5;

/** Looks at the rows of one stage. */
export function findingsOf(stage: TrainStage, rows: readonly LogRow[]): readonly Finding[] {
  return [
    ...spikes(stage, rows, 'loss', 'The loss'),
    ...spikes(stage, rows, 'gradNorm', "The gradient's norm"),
    ...explosions(stage, rows),
    ...moduleFindings(stage, rows),
    ...slowness(stage, rows),
  ];
}

/** The middle of some numbers; NaN if there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  if (sorted.length === 0) return NaN;
  return Number.isInteger(half) ? (sorted[half - 1] + sorted[half]) / 2 : sorted[Math.floor(half)];
}

/** Rows that lie far above those before them; neighbours count as one. */
function spikes(
  stage: TrainStage,
  rows: readonly LogRow[],
  field: 'loss' | 'gradNorm',
  subject: string,
): Finding[] {
  const found: { row: LogRow; usual: number; at: number }[] = [];
  rows.forEach((row, i) => {
    const before = rows.slice(Math.max(0, i - WINDOW), i).map((each) => each[field]);
    if (before.length < FEWEST) return;
    const usual = median(before);
    const deviation = median(before.map((value) => Math.abs(value - usual)));
    const most = usual + SPIKE * Math.max(deviation, LEAST_DEVIATION[field] * Math.abs(usual));
    if (row[field] <= most) return;
    const last = found.at(-1);
    if (last === undefined || i - last.at > FEWEST) found.push({ row, usual, at: i });
    else if (row[field] > last.row[field]) found[found.length - 1] = { ...last, row, at: i };
    else found[found.length - 1] = { ...last, at: i };
  });
  return found.map(({ row, usual }) => ({
    kind: 'spike',
    stage,
    text: `${subject} jumps to ${digits(row[field])} at step ${row.step}, from about ${digits(usual)}.`,
  }));
}

/** Whether the gradient's norm ends far above where it was. */
function explosions(stage: TrainStage, rows: readonly LogRow[]): Finding[] {
  const tenth = Math.floor(rows.length / 10);
  if (tenth < FEWEST) return [];
  const norms = rows.map(({ gradNorm }) => gradNorm);
  const [early, late] = [norms.slice(tenth, 2 * tenth), norms.slice(-tenth)].map(median);
  if (!(late > EXPLOSION * early)) return [];
  return [
    {
      kind: 'exploding',
      stage,
      text: `The gradient's norm grows from about ${digits(early)} to ${digits(late)}: it explodes. Lower the learning rate or clipNorm.`,
    },
  ];
}

/** Rows that tell of modules. */
interface ModuleRow {
  readonly gradNorm: number;
  readonly modules: Readonly<Record<string, ModuleNorms>>;
}

/** Dead gradients, and steps too large or too small, in the second half: at the start many modules stand still. */
function moduleFindings(stage: TrainStage, rows: readonly LogRow[]): Finding[] {
  const looks = rows.flatMap(({ gradNorm, modules }): ModuleRow[] =>
    modules === undefined ? [] : [{ gradNorm, modules }],
  );
  const late = looks.slice(Math.floor(looks.length / 2));
  if (late.length < 2) return [];
  return Object.keys(late[0].modules).flatMap((name): Finding[] => {
    const shares = late.map(({ gradNorm, modules }) => modules[name].gradNorm / gradNorm);
    if (shares.every((value) => !(value > DEAD))) {
      return [{ kind: 'dead', stage, text: `${name} gets no gradient: it does not learn.` }];
    }
    const ratio = median(late.map(({ modules }) => updateRatio(modules[name])));
    if (ratio > LARGEST_STEP) {
      const text = `A step changes the weights of ${name} by ${digits(100 * ratio)} %: lower the learning rate.`;
      return [{ kind: 'large steps', stage, text }];
    }
    if (ratio < SMALLEST_STEP) {
      const text = `A step changes the weights of ${name} by no more than ${digits(100 * ratio)} %.`;
      return [{ kind: 'small steps', stage, text }];
    }
    return [];
  });
}

/** By how much of their norm a step changes the weights of a module; NaN while these are 0. */
export function updateRatio({ updateNorm, weightNorm }: ModuleNorms): number {
  return weightNorm === 0 ? NaN : updateNorm / weightNorm;
}

function slowness(stage: TrainStage, rows: readonly LogRow[]): Finding[] {
  const speeds = rows.map(({ imagesPerSecond }) => imagesPerSecond);
  const tenth = Math.floor(speeds.length / 10);
  if (tenth < FEWEST) return [];
  const [usual, late] = [median(speeds), median(speeds.slice(-tenth))];
  if (late >= SLOW * usual) return [];
  const text = `The last steps see ${digits(late)} images a second, where ${digits(usual)} are usual.`;
  return [{ kind: 'slow', stage, text }];
}

/** A number for a sentence. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
