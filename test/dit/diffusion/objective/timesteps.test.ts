import { describe, expect, it } from 'vitest';
import { compile, key, randomInt, tensor, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  drawByLoss,
  drawTimesteps,
  lossHistory,
  recordLosses,
  type LossHistory,
} from '@tessera/dit';

const COUNT = 20_000;
/** Five standard errors of a share near a half. */
const CLOSE = (5 * 0.5) / Math.sqrt(COUNT);

const shareBelow = (t: Tensor, limit: number): number =>
  t.less(limit).cast('float32').mean().itemSync();

/** Φ(0.8473) and so on: shares of a logit-normal below u are Φ(log(u/(1 − u))). */
const LOGIT_NORMAL = [
  [0.3, 0.1984],
  [0.5, 0.5],
  [0.7, 0.8016],
] as const;

describe('drawTimesteps', () => {
  const [diffusion, flow] = [createDiffusion(), createFlow()];

  it('draws uniformly by default, a noise schedule as randomInt does', () => {
    expect(drawTimesteps(diffusion, key(1), 50).toArraySync()).toEqual(
      randomInt(key(1), [50], 0, 1000).toArraySync(),
    );
    const s = drawTimesteps(flow, key(2), COUNT);
    for (const limit of [0.25, 0.5, 0.75]) {
      expect(Math.abs(shareBelow(s, limit) - limit)).toBeLessThan(CLOSE);
    }
  });

  it('draws the middle more often with logit-normal, from schedules and flows alike', () => {
    const options = { sampling: 'logit-normal' } as const;
    const s = drawTimesteps(flow, key(3), COUNT, options);
    const t = drawTimesteps(diffusion, key(3), COUNT, options);
    expect(t.dtype).toBe('int32');
    for (const [limit, share] of LOGIT_NORMAL) {
      expect(Math.abs(shareBelow(s, limit) - share)).toBeLessThan(CLOSE);
      expect(Math.abs(shareBelow(t, limit * 1000) - share)).toBeLessThan(CLOSE);
    }
    expect(t.max().itemSync()).toBeLessThanOrEqual(999);
    expect(t.min().itemSync()).toBeGreaterThanOrEqual(0);
  });

  it('leans towards noise with a shift: the median becomes shift/(1 + shift)', () => {
    for (const sampling of ['uniform', 'logit-normal'] as const) {
      for (const [process, unit] of [
        [flow, 1],
        [diffusion, 1000],
      ] as const) {
        const t = drawTimesteps(process, key(4), COUNT, { sampling, shift: 3 });
        expect(Math.abs(shareBelow(t, 0.75 * unit) - 0.5)).toBeLessThan(CLOSE);
      }
    }
  });

  it('refuses what it does not know', () => {
    expect(() =>
      drawTimesteps(diffusion, key(0), 4, { sampling: 'loss-second-moment' } as object),
    ).toThrow("there is no sampling 'loss-second-moment'");
  });
});

/** The rule in plain code: lists of the last ten losses. */
function recorded(bins: number, pairs: readonly (readonly [number, number])[]): number[][] {
  const lists = Array.from({ length: bins }, (): number[] => []);
  for (const [t, loss] of pairs) {
    lists[t].push(loss);
    if (lists[t].length > 10) lists[t].shift();
  }
  return lists;
}

const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

describe('the history of losses', () => {
  it('keeps the last ten of each timestep, also when one comes up often in a batch', () => {
    const record = compile((history: LossHistory, t: Tensor, losses: Tensor) =>
      recordLosses(history, t, losses),
    );
    let history = lossHistory(3);
    const pairs: [number, number][] = [];
    for (let step = 0; step < 6; step++) {
      const t = Array.from({ length: 14 }, (_, i) => (step === 3 ? 1 : (i * i + step) % 3));
      const losses = t.map((_, i) => step + (i + 1) / 16);
      t.forEach((bin, i) => pairs.push([bin, losses[i]]));
      history = record(history, tensor(Int32Array.from(t)), tensor(losses));
      const lists = recorded(3, pairs);
      lists.forEach((list, bin) => {
        const kept = [...history.losses.select(0, bin).dataSync()].filter((loss) => loss > 0);
        expect(sorted(kept)).toEqual(sorted(list));
      });
      expect(history.counts.toArraySync()).toEqual(
        [0, 1, 2].map((bin) => pairs.filter(([t2]) => t2 === bin).length),
      );
    }
  });

  it('draws uniformly until every timestep has ten', () => {
    const some = recordLosses(
      lossHistory(4),
      tensor(new Int32Array(12)),
      tensor(new Float32Array(12).fill(9)),
    );
    const { t, weights } = drawByLoss(some, key(1), COUNT);
    expect(weights.max().itemSync()).toBe(1);
    expect(weights.min().itemSync()).toBe(1);
    for (const limit of [1, 2, 3]) {
      expect(Math.abs(shareBelow(t, limit) - limit / 4)).toBeLessThan(CLOSE);
    }
  });

  it('then draws in proportion to the root mean square, and weighs it back', () => {
    const sizes = [1, 0, 2, 5];
    const bins = Int32Array.from({ length: 40 }, (_, i) => i % 4);
    const losses = Float32Array.from(bins, (bin) => sizes[bin]);
    const history = recordLosses(lossHistory(4), tensor(bins), tensor(losses));
    const { t, weights } = drawByLoss(history, key(2), COUNT);
    const chances = sizes.map((size) => (size / 8) * 0.999 + 0.001 / 4);
    let below = 0;
    chances.forEach((chance, bin) => {
      below += chance;
      expect(Math.abs(shareBelow(t, bin + 1) - below)).toBeLessThan(CLOSE);
    });
    const [times, factors] = [Array.from(t.dataSync()), weights.dataSync()];
    times.forEach((bin, i) => expect(factors[i]).toBeCloseTo(1 / (4 * chances[bin]), 3));
    // Weighted, any function of t has its uniform mean: here the losses, whose mean is 2.
    const mean = times.reduce((sum, bin, i) => sum + sizes[bin] * factors[i], 0) / COUNT;
    expect(Math.abs(mean - 2)).toBeLessThan(0.02);
  });
});
