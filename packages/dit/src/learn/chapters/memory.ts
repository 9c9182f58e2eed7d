// The exercises of chapter 8 of the tour, with their solutions.

import { compile, key, normal, tensor, zeros, type Compiled, type Tensor } from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import type { Answer, Chapter } from '../exercise.ts';

const chain = (x: Tensor, w: Tensor): Tensor => x.matmul(w).tanh().matmul(w).tanh();
const bowl = (w: Tensor): Tensor => w.sub(1).square().sum();
const layer = (x: Tensor, w: Tensor): Tensor => x.matmul(w).tanh();

/** The chain of all layers without a checkpoint. */
const plainDeep = (x: Tensor, weights: readonly Tensor[]): Tensor => weights.reduce(layer, x);

/** The bytes of the arena of the gradient of a network of 16 layers, by its first argument. */
function gradientArena(network: (x: Tensor, weights: readonly Tensor[]) => Tensor): number {
  const weights = Array.from({ length: 16 }, () => zeros([8, 8]));
  const loss = (x: Tensor, all: readonly Tensor[]): Tensor => network(x, all).sum();
  const { plan } = compile(grad(loss)).stages(zeros([64, 8]), weights);
  return Number(/arena (\d+)/.exec(plan)?.[1]);
}

/** Whether the checkpointed network of a learner needs two thirds of the memory, or less. */
function isSmaller(f: Answer): boolean {
  return (
    gradientArena((x, weights) => f(x, weights) as Tensor) <= (gradientArena(plainDeep) * 2) / 3
  );
}

/** Chapter 8: places in memory. */
export const memory: Chapter = {
  title: 'Memory',
  question: 'Where do the values live, and for how long?',
  imports: [
    `import { compile } from '@tessera/tensor';`,
    `import { checkpoint, grad } from '@tessera/autograd';`,
  ],
  exercises: [
    {
      name: 'arenaBytes',
      task: 'Given a function `f` and its arguments, give the bytes of the arena in the plan of `f` for them, as a number.',
      stub: 'export function arenaBytes(f, ...args) {}',
      hint: 'The first line of the plan says it: `arena 512 bytes`.',
      solution: `export function arenaBytes(f, ...args) {
  return Number(/arena (\\d+)/.exec(compile(f).stages(...args).plan)[1]);
}`,
      trials: () => [
        {
          call: 'arenaBytes((x) => x.sin(), zeros([8]))',
          run: (f) => f((x: Tensor) => x.sin(), zeros([8])),
          expected: 0,
        },
        {
          call: 'arenaBytes((x, w) => x.matmul(w).tanh().matmul(w).tanh(), zeros([8, 8]), zeros([8, 8]))',
          run: (f) => f(chain, zeros([8, 8]), zeros([8, 8])),
          expected: 512,
        },
      ],
    },
    {
      name: 'descent',
      task: 'Given a function `loss` of one tensor and a number `rate`, give a compiled function from w to w − rate · ∇loss(w) which writes its result over w.',
      stub: 'export function descent(loss, rate) {}',
      hint: 'The second argument of `compile` says which arguments are donated.',
      solution: `export function descent(loss, rate) {
  return compile((w) => w.sub(grad(loss)(w).mul(rate)), { donate: [0] });
}`,
      trials: () => [
        {
          call: 'descent(loss, 0.25)(tensor([3, -1])) for loss = (w) => w.sub(1).square().sum()',
          run: (f) => (f(bowl, 0.25) as Answer | undefined)?.(tensor([3, -1])),
          expected: [2, 0],
        },
        {
          call: "descent(loss, 0.25).stages(tensor([3, -1])).plan.includes('takes over in0')",
          run: (f) => {
            const step = f(bowl, 0.25) as Compiled<[Tensor], Tensor> | undefined;
            return step?.stages(tensor([3, -1])).plan.includes('takes over in0');
          },
          expected: true,
        },
      ],
    },
    {
      name: 'deep',
      task: 'Write the network `weights.reduce((y, w) => y.matmul(w).tanh(), x)` of sixteen layers with a `checkpoint` around each block of four, so that its gradient needs at most two thirds of the memory.',
      stub: 'export function deep(x, weights) {}',
      hint: 'Make `block(x, weights)` of any layers, wrap it once, and call what you get on four weights at a time: `weights.slice(i, i + 4)`.',
      solution: `const block = checkpoint((x, weights) => weights.reduce((y, w) => y.matmul(w).tanh(), x));
export function deep(x, weights) {
  let y = x;
  for (let i = 0; i < weights.length; i += 4) y = block(y, weights.slice(i, i + 4));
  return y;
}`,
      trials: () => {
        const x = normal(key(0), [1, 2]);
        const weights = Array.from({ length: 16 }, (_, i) => normal(key(i + 1), [2, 2]));
        return [
          {
            call: 'deep(x, weights) for x = normal(key(0), [1, 2]) and 16 weights normal(key(i + 1), [2, 2])',
            run: (f) => f(x, weights),
            expected: plainDeep(x, weights).toArraySync(),
          },
          {
            call: 'whether the gradient of deep needs at most two thirds of the memory',
            run: isSmaller,
            expected: true,
          },
        ];
      },
    },
  ],
};
