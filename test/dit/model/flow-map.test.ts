import { jvp, stopGradient, valueAndGrad, vjp } from '@tessera/autograd';
import { namedTensors } from '@tessera/autograd/nn';
import { compile, key, normal, tensor, tree, type Tensor } from '@tessera/tensor';
import {
  DESIGNS,
  DiT,
  parseModelConfig,
  withConditions,
  type Conditioning,
  type Design,
  type ModelConfig,
} from '@tessera/dit';
import { describe, expect, it } from 'vitest';
import { ALL_CONDITIONS, randomConditions } from './conditions.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

const MAP: ModelConfig = { ...TINY, depth: 3, decoderDepth: 2 };
const { x, y } = randomInputs(TINY, 3, key(1));
const t = tensor([900.5, 400, 30.25]);
const r = tensor([600, 0, 30.25]);

/** A random flow map, with all kinds of conditions or with labels alone, and what it is asked for. */
function mapOf(design: Design, conditioned: boolean): { model: DiT; asked: Conditioning } {
  const conditions = conditioned && { conditions: ALL_CONDITIONS };
  const model = randomModel({ ...MAP, design, ...conditions }, key(2));
  const others = conditioned ? randomConditions(model, 3, key(3)) : {};
  return { model, asked: conditioned ? { label: y, ...others } : y };
}

const bits = (a: Tensor): Uint32Array => new Uint32Array((a.dataSync() as Float32Array).buffer);

describe.each(DESIGNS)('a flow map of design %s', (design) => {
  it.each([false, true])(
    'is the flow model where a step ends as it begins, bit for bit; other conditions: %s',
    (conditioned) => {
      const { model, asked } = mapOf(design, conditioned);
      const map = (m: DiT, end: Tensor): Tensor => m.forward(x, t, asked, { end });
      const velocity = (m: DiT): Tensor => m.forward(x, t, asked);
      expect(bits(map(model, t))).toEqual(bits(velocity(model)));
      expect(bits(compile(map)(model, t))).toEqual(bits(compile(velocity)(model)));
      const apart = map(model, r).sub(velocity(model)).abs().max([1, 2, 3]);
      const [first, second, third] = apart.dataSync();
      // The third step has no length.
      expect(Math.min(first, second)).toBeGreaterThan(1e-3);
      expect(third).toBe(0);
    },
  );

  it('has the tensors and the start of an ordinary model', () => {
    const { decoderDepth: _, ...plain } = { ...MAP, design };
    const [map, flow] = [{ ...MAP, design }, plain].map((config) => DiT.init(config, key(4)));
    const [named, expected] = [map, flow].map((model) => namedTensors(model));
    expect([...named].map(([name]) => name)).toEqual([...expected].map(([name]) => name));
    for (const [i, [name, found]] of [...named].entries()) {
      expect(bits(found), name).toEqual(bits([...expected][i][1]));
    }
  });

  it.each([false, true])(
    'has a jvp that agrees with its vjp; other conditions: %s',
    (conditioned) => {
      const { model, asked } = mapOf(design, conditioned);
      const map = (z: Tensor, s: Tensor): Tensor => model.forward(z, s, asked, { end: r });
      const [v, w] = [normal(key(5), x.shape), normal(key(6), x.shape)];
      const dt = tensor([1, -2, 0.5]);
      const { value, tangent } = jvp(map, [x, t], [v, dt]);
      expect(maxDifference(value, map(x, t))).toBe(0);
      const [x̄, t̄] = vjp(map, x, t).pullback(w);
      const forward = tangent.mul(w).sum().itemSync();
      const reverse = x̄.mul(v).sum().add(t̄.mul(dt).sum()).itemSync();
      const size = tangent.mul(w).abs().sum().itemSync();
      // Both are sums of the same products through three blocks, in other orders: hundreds of roundings of 2⁻²⁴.
      expect(Math.abs(forward - reverse)).toBeLessThan(1e-4 * size);
    },
  );

  it('trains through a jvp: compiled and computed again as eager', () => {
    const { model, asked } = mapOf(design, false);
    const loss = (checkpoint: number) =>
      valueAndGrad((m: DiT) => {
        const map = (z: Tensor, s: Tensor): Tensor =>
          m.forward(z, s, asked, { end: r, checkpoint });
        const { value, tangent } = jvp(map, [x, t], [x, tensor([1, 1, 1])]);
        return value
          .sub(stopGradient(x.sub(tangent)))
          .square()
          .mean();
      });
    const plain = loss(0)(model);
    const size = Math.max(...tree.leaves(plain.grads).map((leaf) => leaf.abs().max().itemSync()));
    for (const other of [compile(loss(0))(model), loss(2)(model)]) {
      const ratio = other.value.itemSync() / plain.value.itemSync();
      // Compiled sums have other orders; the tangent has passed three blocks twice.
      expect(Math.abs(ratio - 1)).toBeLessThan(1e-4);
      const apart = tree
        .leaves(other.grads)
        .map((leaf, i) => maxDifference(leaf, tree.leaves(plain.grads)[i]));
      expect(Math.max(...apart)).toBeLessThan(1e-4 * size);
    }
  });
});

describe('a flow map', () => {
  it('keeps its decoder with further conditions', () => {
    const { model } = mapOf('adaln-zero', false);
    const extended = withConditions(model, ALL_CONDITIONS, key(7));
    const asked = { label: y, ...randomConditions(extended, 3, key(8)) };
    const found = extended.forward(x, t, asked, { end: r });
    expect(bits(found)).toEqual(bits(model.forward(x, t, y, { end: r })));
  });

  it('is refused where no block is left for the begin, or none is there for the end', () => {
    expect(() => parseModelConfig({ ...MAP, decoderDepth: 3 })).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: parseModelConfig: model: decoderDepth 3 leaves none of the 3 blocks to hear the time at which a step begins.]`,
    );
    expect(() => DiT.init({ ...MAP, decoderDepth: 0 }, key(0))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: DiT: decoderDepth must be a whole number of at least 1, but is 0.]`,
    );
    const flow = DiT.init(TINY, key(0));
    expect(() => flow.forward(x, t, y, { end: r })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: DiT: end is for flow maps, and no block of this model hears the end of a step. Give its configuration a decoderDepth.]`,
    );
    const map = DiT.init(MAP, key(0));
    const short = tensor([1]);
    expect(() => map.forward(x, t, y, { end: short })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: DiT: t is [3], end is [1]: expected one timestep for each sample.]`,
    );
  });
});
