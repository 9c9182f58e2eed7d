// Looks at the parts of a model from time to time: their gradients, weights, and how far a step moves them.

import { compile, stack, tree, type Compiled, type Tensor } from '@tessera/tensor';
import type { LogRow, ModuleNorms } from '../../run/log.ts';
import type { StepMetrics } from '../step.ts';
import { moduleNames, moduleNorms } from './module-norms.ts';

/** Steps from one look to the next. A look costs some passes over the weights, so it is rare. */
export const WATCH_EVERY = 50;

/** What is seen at a look. */
export type Look = Required<Pick<LogRow, 'memory' | 'modules'>>;

/** Looks at a model before and after a step. */
export class Watch<M> {
  readonly #copy: Compiled<[M], M> = compile((model: M) => model);
  readonly #norms: Compiled<[M, M], Tensor> = compile(
    (before: M, after: M) => {
      const moved = tree.map((x, y) => (x.dtype === 'float32' ? y.sub(x) : x), before, after);
      return stack([moduleNorms(after), moduleNorms(moved)]);
    },
    { donate: [0] },
  );

  /** A copy of the weights, which a step writes over. */
  before(model: M): M {
    return this.#copy(model);
  }

  /**
   * Looks after the step.
   *
   * @param before What {@link before} gave; it is given up.
   * @param metrics Those of the step. Without the norms of its gradient there is no look.
   */
  async after(
    before: M,
    model: M,
    { moduleNorms: ofStep }: StepMetrics,
  ): Promise<Look | undefined> {
    const norms = this.#norms(before, model);
    const [ofWeights, ofGradient] = await Promise.all([norms.data(), ofStep?.data()]);
    norms.dispose();
    if (ofGradient === undefined) return undefined;
    const names = moduleNames(model);
    const modules = names.map((name, i): [string, ModuleNorms] => [
      name,
      {
        gradNorm: ofGradient[i],
        weightNorm: ofWeights[i],
        updateNorm: ofWeights[names.length + i],
      },
    ]);
    return { memory: process.memoryUsage.rss(), modules: Object.fromEntries(modules) };
  }
}

/** Whether all weights are finite at a look, and what moved them. */
export function areWeightsFinite({ modules }: Look): boolean {
  return Object.values(modules).every(({ weightNorm, updateNorm }) =>
    Number.isFinite(weightNorm + updateNorm),
  );
}

/** Whether a look can stand in a log, which has finite numbers only. */
export function isFiniteLook(look: Look): boolean {
  const { modules } = look;
  const fine = Object.values(modules).every(({ gradNorm }) => Number.isFinite(gradNorm));
  return fine && areWeightsFinite(look);
}
