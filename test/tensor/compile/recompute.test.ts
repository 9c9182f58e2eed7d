import { grad, vjp } from '@tessera/autograd';
import { compile, gelu, key, layerNorm, normal, type Tensor } from '@tessera/tensor';
import {
  planProgram,
  recomputeAtPeak,
  simplify,
  trace,
  type Pass,
  type Plan,
} from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { programInputs, runProgram, steps } from '../../properties/programs.ts';

const MIB = 2 ** 20;

/** The pass for programs of any size. */
const always: Pass = (work) => {
  recomputeAtPeak(work, 0);
};

function planOf(
  f: (...args: Tensor[]) => readonly Tensor[],
  args: readonly Tensor[],
  passes: readonly Pass[],
): Plan {
  const program = trace((inputs) => f(...inputs), args, {
    composites: new Set(['layerNormStatistics', 'layerNormGrad']),
    capture: () => {
      throw new Error('nothing is captured here');
    },
  });
  return planProgram(simplify(program), [], undefined, new Set(['matmul']), passes);
}

/** Some layers of a residual network: norm, product, GELU, product. */
function network(x: Tensor, ...weights: readonly Tensor[]): Tensor {
  let y = x;
  for (const w of weights) y = y.add(gelu(layerNorm(y).matmul(w)).matmul(w.transpose()));
  return y.square().mean();
}

/** Gradients of the weights. */
const gradients = (...[x, ...weights]: Tensor[]): readonly Tensor[] =>
  grad((w: readonly Tensor[]) => network(x, ...w))(weights);

/** Input and weights; the output of one GELU takes `rows` × 256 floats. */
function operands(rows: number, layers = 6): Tensor[] {
  const weights = Array.from({ length: layers }, (_, i) => normal(key(i), [64, 256]).mul(0.1));
  return [normal(key(99), [rows, 64]), ...weights];
}

describe('recomputeAtPeak', () => {
  it('keeps the inputs of GELU, and neither their outputs nor the norms', () => {
    const args = operands(1024);
    const bytes = (passes: readonly Pass[]): number =>
      planOf(gradients, args, passes).arenaBytes / MIB;
    // A layer keeps 1 MiB before GELU, 1 after it, ¼ of a norm and ¼ of a residual.
    expect(bytes([])).toBeGreaterThan(6 * (1 + 1 + 1 / 4 + 1 / 4));
    expect(bytes([recomputeAtPeak])).toBeLessThan(6 * (1 + 1 / 4) + 3);
  });

  it('changes no bit', () => {
    const args = operands(1024);
    const plain = compile(gradients)(...args);
    const passed = compile(gradients, { passes: [recomputeAtPeak] })(...args);
    plain.forEach((x, i) => {
      expect(passed[i].dataSync()).toEqual(x.dataSync());
    });
  });

  it('leaves programs alone that lie in the cache', () => {
    const args = operands(64);
    expect(planOf(gradients, args, [recomputeAtPeak])).toEqual(planOf(gradients, args, []));
    expect(planOf(gradients, args, [always])).not.toEqual(planOf(gradients, args, []));
  });

  it('changes no bit of the gradients of random programs', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), (program, seed) => {
        const f = (...args: readonly Tensor[]): readonly Tensor[] => runProgram(args, program);
        const both = (...args: Tensor[]): readonly Tensor[] => {
          const { value, pullback } = vjp(f, ...args);
          return [...value, ...pullback(value.map((y) => y.sin()))];
        };
        const args = programInputs(seed);
        const plain = compile(both)(...args);
        compile(both, { passes: [always] })(...args).forEach((x, i) => {
          expect(x.dataSync()).toEqual(plain[i].dataSync());
        });
      }),
      { numRuns: 200 },
    );
  });

  it('computes a result once where nobody reads it in between', () => {
    const f = (x: Tensor): readonly Tensor[] => [x.exp().sum(0).matmul(x.exp().transpose())];
    const args = [normal(key(0), [1024, 2048])];
    expect(planOf(f, args, [recomputeAtPeak])).toEqual(planOf(f, args, []));
  });
});
