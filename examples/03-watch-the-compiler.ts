// What compile makes of a layer and its gradient, stage by stage.

import { compile, gelu, linear, zeros, type Tensor } from '@tessera/tensor';
import { grad } from '@tessera/autograd';

const layer = (x: Tensor, weight: Tensor, bias: Tensor): Tensor => gelu(linear(x, weight, bias));

const lossGradient = compile(
  grad((weight: Tensor, x: Tensor, bias: Tensor) => layer(x, weight, bias).square().mean()),
);

const { traced, simplified, plan } = lossGradient.stages(zeros([3, 2]), zeros([4, 2]), zeros([3]));
const lines = (text: string): number => text.split('\n').length;
console.log(`traced: ${lines(traced)} lines, simplified: ${lines(simplified)} lines`);
console.log(plan);
