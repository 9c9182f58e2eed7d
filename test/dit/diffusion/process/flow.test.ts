import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, full, key, normal, split, tensor, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  flowEnds,
  flowSample,
  predictionTarget,
  shiftTime,
} from '@tessera/dit';
import { maxDifference } from '../../model/sizes.ts';

const SHAPE = [2, 3, 2, 2];
const [xStartKey, epsKey] = split(key(0), 2);
const [xStart, eps] = [normal(xStartKey, SHAPE), normal(epsKey, SHAPE)];
const at = (s: number): Tensor => full([2], s);
const times = fc.double({ min: 0, max: 1, noNaN: true });

describe('createFlow', () => {
  it('walks from noise to data in even steps, or leans towards noise', () => {
    expect([...createFlow({ steps: 4 }).times]).toEqual([1, 0.75, 0.5, 0.25, 0]);
    const leaning = createFlow({ steps: 4, shift: 3 }).times;
    [1, 0.9, 0.75, 0.5, 0].forEach((s, n) => expect(leaning[n]).toBeCloseTo(s, 14));
    expect([...createFlow({ steps: 1 }).times]).toEqual([1, 0]);
  });

  it('is told from a noise schedule', () => {
    expect(createFlow().predicts).toBe('flow');
    expect(createDiffusion().predicts).not.toBe('flow');
  });

  it('refuses what is no flow', () => {
    expect(() => createFlow({ steps: 0 })).toThrow('createFlow: steps must be a whole number');
    expect(() => createFlow({ shift: 0 })).toThrow(
      'createFlow: shift must be a number in [0.001, 1000], but is 0.',
    );
    expect(() => createFlow({ schedule: 'linear' } as object)).toThrow('createFlow');
  });
});

describe('the path of a flow', () => {
  it('is straight, and its velocity points to both ends', () => {
    fc.assert(
      fc.property(times, (s) => {
        const xT = flowSample(xStart, at(s), eps);
        const ends = flowEnds(xT, at(s), eps.sub(xStart));
        // Sums of numbers up to 5 in float32.
        expect(maxDifference(ends.xStart, xStart)).toBeLessThan(2e-6);
        expect(maxDifference(ends.eps, eps)).toBeLessThan(2e-6);
      }),
    );
  });

  it('goes through the ends that any velocity stands for', () => {
    const velocity = normal(key(7), SHAPE);
    fc.assert(
      fc.property(times, (s) => {
        const xT = normal(key(8), SHAPE);
        const ends = flowEnds(xT, at(s), velocity);
        expect(maxDifference(flowSample(ends.xStart, at(s), ends.eps), xT)).toBeLessThan(4e-6);
        expect(maxDifference(ends.eps.sub(ends.xStart), velocity)).toBeLessThan(4e-6);
      }),
    );
  });

  it('is explained by other noise where xStart is clipped, but for its clean end', () => {
    for (const s of [0.1, 0.5, 1]) {
      const xT = flowSample(xStart, at(s), eps);
      const ends = flowEnds(xT, at(s), eps.sub(xStart), { clipDenoised: true });
      expect(ends.xStart.abs().max().itemSync()).toBeLessThanOrEqual(1);
      expect(maxDifference(flowSample(ends.xStart, at(s), ends.eps), xT)).toBeLessThan(2e-6);
    }
    const clean = flowEnds(xStart, at(0), eps.sub(xStart), { clipDenoised: true });
    expect(maxDifference(clean.eps, eps)).toBeLessThan(2e-6);
  });

  it('refuses noise of another shape, and so does its target', () => {
    const one = eps.slice([[0, 1]]);
    const expected =
      /xStart is \[2, 3, 2, 2\], eps is \[1, 3, 2, 2\]: expected eps of the sample's shape/;
    expect(() => flowSample(xStart, at(0.5), one)).toThrow(expected);
    expect(() => predictionTarget(createFlow(), xStart, at(0.5), one)).toThrow(expected);
  });

  it('compiles', () => {
    const compiled = compile((x: Tensor, s: Tensor, e: Tensor) => flowSample(x, s, e));
    const s = tensor([0.25, 0.75]);
    expect(maxDifference(compiled(xStart, s, eps), flowSample(xStart, s, eps))).toBeLessThan(1e-6);
  });
});

describe('shiftTime', () => {
  it('keeps the ends and the order, is undone by the inverse shift, and is none at 1', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 10, noNaN: true }), (shift) => {
        const u = tensor([0, 0.1, 0.4, 0.5, 0.9, 1]);
        const shifted = shiftTime(u, shift);
        const values = [...shifted.dataSync()];
        expect(values[0]).toBe(0);
        expect(values[5]).toBeCloseTo(1, 6);
        expect(values.every((value, i) => i === 0 || value > values[i - 1])).toBe(true);
        expect(values[3] > 0.5).toBe(Math.fround(shift) > 1);
        expect(maxDifference(shiftTime(shifted, 1 / shift), u)).toBeLessThan(1e-5);
      }),
    );
    const u = tensor([0.3]);
    expect(shiftTime(u, 1)).toBe(u);
  });
});
