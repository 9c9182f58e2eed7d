// Scores the averaged weights along a training, writes the scores down, and keeps the best weights.

import { join } from 'node:path';
import { checkWhole } from '../../config/argument-check.ts';
import type { DiT } from '../../model/dit.ts';
import { saveModule } from '../../run/checkpoint.ts';
import {
  readEvaluations,
  writeEvaluations,
  type EvaluationRow,
  type LookScores,
} from '../../run/evaluation-log.ts';
import { problemOf } from '../../run/file-error.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import type { DrawAsked, Evaluations, Judge } from './judge.ts';

/** What a {@link BestKeeper} works with. */
export interface KeeperOptions {
  /** The folder of the run. */
  readonly folder: string;
  /** Draws with a model. */
  readonly draw: (model: DiT, asked: Parameters<DrawAsked>[0]) => Promise<Float32Array>;
  readonly onNotice: (text: string) => void;
}

/**
 * Looks at models along a training. The one with the smallest Fréchet distance so far is kept as a file of its own.
 * What fails becomes a notice, since a training is worth more than a score of it.
 */
export class BestKeeper {
  static readonly name: string = 'BestKeeper';
  /** Steps from one look to the next. */
  readonly every: number;
  readonly #createJudge: Evaluations['createJudge'];
  readonly #options: KeeperOptions;
  #judge: Promise<Judge> | undefined;

  constructor({ every, createJudge }: Evaluations, options: KeeperOptions) {
    checkWhole('train', 'evaluations.every', every, 1);
    this.every = every;
    this.#createJudge = createJudge;
    this.#options = options;
  }

  /** Scores the averaged weights after a step. */
  async look(step: number, model: DiT): Promise<void> {
    const { folder, draw, onNotice } = this.#options;
    try {
      this.#judge ??= this.#createJudge();
      const judge = await this.#judge;
      const scores = await judge((asked) => draw(model, asked));
      const path = join(folder, RUN_FILES.evaluations);
      // A training that goes on from an earlier step looks at the later ones again.
      const before = (await readEvaluations(path)).filter((row) => row.step < step);
      const isBest = before.every(({ fcd }) => scores.fcd < fcd);
      if (isBest) {
        const metadata = { step: String(step), fcd: String(scores.fcd) };
        await saveModule(join(folder, RUN_FILES.best), model, metadata);
      }
      await writeEvaluations(path, [...before, { step, ...scores } satisfies EvaluationRow]);
      const kept = isBest ? `, the best so far: kept in ${join(folder, RUN_FILES.best)}` : '';
      onNotice(`After step ${step}: ${scoresText(scores)}${kept}.`);
    } catch (error) {
      onNotice(`There are no scores after step ${step}: ${problemOf(error)}`);
    }
  }
}

function scoresText({ accuracy, fcd, precision, recall }: LookScores): string {
  const read = accuracy === undefined ? '' : `${(100 * accuracy).toFixed(1)} % read as asked, `;
  return `${read}FCD ${fcd.toFixed(2)}, precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`;
}
