// Guidance rescale: a guided prediction with the contrast of the conditional one.

import { checkTensors, type Tensor } from '@tessera/tensor';
import { checkWithin } from '../../config/argument-check.ts';

/**
 * Brings a guided prediction back towards the standard deviation of the conditional one, sample by sample.
 * Strong guidance makes deviations, and so contrast, too large.
 *
 *     rescaled = guided · std(conditional)/std(guided)
 *     result   = amount · rescaled + (1 − amount) · guided
 *
 * Source: Lin et al. 2024, "Common diffusion noise schedules and sample steps are flawed", section 3.4; they
 * take 0.7.
 *
 * @param guided `[B, C, ...]`
 * @param conditional Like guided.
 * @param amount 0 changes nothing, 1 gives all of the conditional deviation.
 * @example
 * rescaleGuidance(tensor([[-4, 4]]), tensor([[-1, 1]]), 0.5); // [[-2.5, 2.5]]
 */
export function rescaleGuidance(guided: Tensor, conditional: Tensor, amount: number): Tensor {
  checkTensors('rescaleGuidance', { guided, conditional });
  checkWithin('rescaleGuidance', 'amount', amount, 0, 1);
  const deviation = (x: Tensor): Tensor => {
    const axes = x.shape.slice(1).map((_, axis) => axis + 1);
    const centered = x.sub(x.mean(axes, { keepDims: true }));
    return centered.square().mean(axes, { keepDims: true }).sqrt(); // [B, 1, …]
  };
  const [wide, right] = [deviation(guided), deviation(conditional)];
  const factor = wide.greater(0).where(right.div(wide), 1); // a constant prediction stays
  return guided.mul(factor.mul(amount).add(1 - amount));
}
