// What a model costs: its trained values, and the multiply-adds of its traced forward pass.

import { countParameters } from '@tessera/autograd/nn';
import { cpuBackend, tree, zeros, type Tensor } from '@tessera/tensor';
import { trace, type Program, type TraceTarget } from '@tessera/tensor/extend';
import { LABEL } from '../config/condition.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { ConditionValues } from './conditions/conditions.ts';
import { checkConfig, DiT, latentShape } from './dit.ts';

/** The operations whose arithmetic is multiply-adds, two floating-point operations each. */
const PRODUCTS: ReadonlySet<string> = new Set(['matmul', 'conv2d']);

/** For programs that never run: composites as their definition, and no elements of captured tables. */
const COUNTED: TraceTarget = {
  composites: new Set(),
  capture: ({ dtype }) => cpuBackend().allocate(dtype, 0),
};

/** What the forward pass of a model takes. */
export interface ModelInputs {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly values: ConditionValues;
}

/** Inputs of zeros, which take no memory, for a batch. */
export function blankInputs({ config, conditions }: DiT, batch: number): ModelInputs {
  const others = Object.entries(conditions).map(
    ([name, { values }]) => [name, zeros([batch, ...values.shape], values.dtype)] as const,
  );
  return {
    x: zeros(latentShape(config, batch)),
    t: zeros([batch], 'int32'),
    values: { [LABEL]: zeros([batch], 'int32'), ...Object.fromEntries(others) },
  };
}

/** The traced forward pass of a model for one image. Nothing is computed, and no weights are made. */
function forwardProgram(config: ModelConfig): Program {
  const blank = DiT.blank(config);
  const flat = tree.flatten({ model: blank, ...blankInputs(blank, 1) });
  return trace(
    (leaves) => {
      const { model, x, t, values } = flat.unflatten(leaves);
      // A flow map hears two times: of the begin and of the end of a step.
      return [model.forward(x, t, values, config.decoderDepth === undefined ? {} : { end: t })];
    },
    flat.leaves,
    COUNTED,
  );
}

/**
 * Counts the trained values of a model without making its weights.
 *
 * @example
 * parameterCount(zoo['DiT-XL/2']); // 674834720
 */
export function parameterCount(config: ModelConfig): number {
  checkConfig('parameterCount', config);
  return countParameters(DiT.blank(config));
}

/**
 * Counts the multiply-adds of a forward pass for one image: those of all matrix products and convolutions in
 * the traced program. The paper calls them flops.
 *
 * Source: agrees with Peebles & Xie 2023, table 4, within 0.025 · 10⁹. That is 0.02 % of XL/2 and 0.6 % of
 * S/8. The paper rounds to 0.01 · 10⁹, and does not say what it counts beside the products.
 *
 * @example
 * macCount(zoo['DiT-XL/2']) / 1e9; // 118.621
 */
export function macCount(config: ModelConfig): number {
  checkConfig('macCount', config);
  return forwardProgram(config).instructions.reduce(
    (sum, { operation, inputs, params }) =>
      PRODUCTS.has(operation.name) ? sum + operation.flops(inputs, params) / 2 : sum,
    0,
  );
}
