// Who scores the models of a training, and what is drawn for it.

import type { LookScores } from '../../run/evaluation-log.ts';
import type { GenerateOptions } from '../../sample/generate-options.ts';

/** Draws what is asked for with the model of a moment: images `[count, channels, side, side]` in [-1, 1]. */
export type DrawAsked = (
  asked: Pick<GenerateOptions, 'labels' | 'conditions'>,
) => Promise<Float32Array>;

/** Scores a model by the samples that it draws. */
export type Judge = (draw: DrawAsked) => Promise<LookScores>;

/** Looks at the averaged weights along a training. */
export interface Evaluations {
  /** Steps from one look to the next. The last step is looked at too. */
  readonly every: number;
  /** Makes the judge, on the backend of the training, before the first look. */
  readonly createJudge: () => Promise<Judge>;
}
