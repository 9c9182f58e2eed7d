import {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  linearSchedule,
  oneCycleSchedule,
  stepSchedule,
  trapezoidSchedule,
  type Schedule,
} from '@tessera/autograd/optim';
import { compile, scalar } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const rateAt = (schedule: Schedule, step: number): number =>
  schedule(scalar(step, 'int32')).itemSync();

/** Compares with a definition in float64, step by step. */
function compare(schedule: Schedule, definition: (step: number) => number, steps: number[]): void {
  for (const step of steps) {
    const want = definition(step);
    expect(Math.abs(rateAt(schedule, step) - want)).toBeLessThanOrEqual(
      1e-6 * Math.abs(want) + 1e-12,
    );
  }
}

const steps = fc.array(fc.nat(2000), { minLength: 1, maxLength: 5 });

describe('cosineSchedule', () => {
  it('follows its definition', () => {
    const settings = fc.record({
      peak: fc.constantFrom(1e-4, 1e-3, 0.1),
      floorShare: fc.constantFrom(0, 0.01, 0.5),
      warmupSteps: fc.nat(20),
      fallSteps: fc.integer({ min: 1, max: 2000 }),
      at: fc.nat(2000),
    });
    fc.assert(
      fc.property(settings, ({ peak, floorShare, warmupSteps, fallSteps, at }) => {
        const floor = peak * floorShare;
        const totalSteps = warmupSteps + fallSteps;
        const s = at % (totalSteps + 1);
        const fall =
          0.5 * (peak - floor) * (1 + Math.cos((Math.PI * (s - warmupSteps)) / fallSteps));
        const want = s < warmupSteps ? (peak * (s + 1)) / warmupSteps : floor + fall;
        const got = cosineSchedule({ peak, floor, warmupSteps, totalSteps })(
          scalar(s, 'int32'),
        ).itemSync();
        expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-6 * want + 1e-13 * peak);
      }),
    );
  });

  it('stays at the floor after the end', () => {
    const schedule = cosineSchedule({ peak: 1, floor: 0.25, totalSteps: 10 });
    expect(schedule(scalar(10, 'int32')).itemSync()).toBe(0.25);
    expect(schedule(scalar(99, 'int32')).itemSync()).toBe(0.25);
  });

  it('refuses a warm-up without a fall', () => {
    expect(() =>
      cosineSchedule({ peak: 1, warmupSteps: 10, totalSteps: 10 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: cosineSchedule: needs 0 ≤ warmupSteps < totalSteps, but got warmupSteps 10 and totalSteps 10.]`,
    );
  });
});

describe('constantSchedule', () => {
  it('is constant', () => {
    expect(constantSchedule(0.5)(scalar(3, 'int32')).itemSync()).toBe(0.5);
  });
});

describe('linearSchedule', () => {
  it('is a straight line, then constant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), steps, (totalSteps, places) => {
        const [start, end] = [0.25, 0.75];
        compare(
          linearSchedule({ start, end, totalSteps }),
          (s) => start + (end - start) * Math.min(1, s / totalSteps),
          places,
        );
      }),
    );
  });

  it('refuses to take no time', () => {
    expect(() =>
      linearSchedule({ start: 0, end: 1, totalSteps: 0 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: linearSchedule: totalSteps must be finite and above 0, but is 0.]`,
    );
  });
});

describe('stepSchedule', () => {
  it('drops at every multiple, exactly there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(6), (drops, k) => {
        const schedule = stepSchedule({ start: 0.8, factor: 0.5, drops });
        const places = [0, 1, drops - 1].map((after) => k * drops + after);
        compare(schedule, (s) => 0.8 * 0.5 ** Math.floor(s / drops), places);
      }),
    );
  });

  it('drops at the steps of a list', () => {
    const schedule = stepSchedule({ start: 1, drops: [30, 60] });
    const rates = [0, 29, 30, 59, 60, 1000].map((step) => rateAt(schedule, step));
    [1, 1, 0.1, 0.1, 0.01, 0.01].forEach((want, i) => expect(rates[i]).toBeCloseTo(want, 8));
    expect(rateAt(stepSchedule({ start: 0.5, drops: [] }), 7)).toBe(0.5);
  });

  it('refuses drops without a distance', () => {
    expect(() => stepSchedule({ start: 1, drops: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: stepSchedule: drops must be finite and above 0, but is 0.]`,
    );
  });
});

describe('exponentialSchedule', () => {
  it('is start · γˢ', () => {
    fc.assert(
      fc.property(fc.constantFrom(0.9, 0.99, 0.999, 1, 1.01), fc.nat(100), (decay, step) => {
        // s · ln γ is at most 10.5, so its rounding moves the rate by some 1e-6 at most.
        const want = 0.1 * decay ** step;
        expect(
          Math.abs(rateAt(exponentialSchedule({ start: 0.1, decay }), step) / want - 1),
        ).toBeLessThan(2e-6);
      }),
    );
  });

  it('refuses a factor that is not positive', () => {
    expect(() => exponentialSchedule({ start: 1, decay: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: exponentialSchedule: decay must be finite and above 0, but is 0.]`,
    );
  });
});

describe('oneCycleSchedule', () => {
  it('follows the formula of PyTorch', () => {
    const settings = fc.record({
      totalSteps: fc.integer({ min: 20, max: 500 }),
      riseShare: fc.constantFrom(0.1, 0.3, 0.5),
      startDivisor: fc.constantFrom(2, 25),
      endDivisor: fc.constantFrom(10, 1e4),
    });
    const annealed = (from: number, to: number, part: number): number =>
      to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part));
    fc.assert(
      fc.property(settings, fc.nat(499), (options, place) => {
        const { totalSteps, riseShare, startDivisor, endDivisor } = options;
        const step = place % totalSteps;
        const [top, last] = [riseShare * totalSteps - 1, totalSteps - 1];
        const start = 0.1 / startDivisor;
        const want =
          step <= top
            ? annealed(start, 0.1, step / top)
            : annealed(0.1, start / endDivisor, (step - top) / (last - top));
        const got = rateAt(oneCycleSchedule({ peak: 0.1, ...options }), step);
        // Near the end the place on the cosine is known to 1e-7 of the whole fall only.
        expect(Math.abs(got - want)).toBeLessThan(1e-6 * want + 1e-9);
      }),
    );
  });

  it('starts, tops and ends where its options say, and stays there', () => {
    const schedule = oneCycleSchedule({ peak: 1, totalSteps: 100 });
    const rates = [0, 29, 99, 500].map((step) => rateAt(schedule, step));
    [1 / 25, 1, 1 / 25e4, 1 / 25e4].forEach((want, i) => expect(rates[i]).toBeCloseTo(want, 7));
  });

  it('refuses a rise or a fall without steps', () => {
    expect(() => oneCycleSchedule({ peak: 1, totalSteps: 3 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: oneCycleSchedule: the rise must end after step 0 and before step 2, but riseShare 0.3 of 3 steps ends it at step -0.10000000000000009.]`,
    );
    expect(() => oneCycleSchedule({ peak: 1, totalSteps: 100, riseShare: 1 })).toThrow(
      /ends it at step 99/,
    );
  });
});

describe('trapezoidSchedule', () => {
  const parts = fc.record({
    peak: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    warmupSteps: fc.nat(50),
    stable: fc.nat(50),
    decaySteps: fc.nat(50),
  });

  it('follows its definition', () => {
    fc.assert(
      fc.property(parts, steps, ({ peak, share, warmupSteps: w, stable, decaySteps: d }, some) => {
        const n = w + stable + d + 1;
        const floor = share * peak;
        const options = { peak, floor, warmupSteps: w, decaySteps: d, totalSteps: n };
        const definition = (s: number): number => {
          if (s < w) return (peak * (s + 1)) / w;
          if (d === 0 || s < n - d) return peak;
          return floor + (peak - floor) * Math.max(0, (n - s) / d);
        };
        compare(trapezoidSchedule(options), definition, some);
      }),
    );
  });

  it('rises to its peak, stays there, falls to its floor, and never jumps', () => {
    fc.assert(
      fc.property(parts, ({ peak, share, warmupSteps, stable, decaySteps }) => {
        const totalSteps = warmupSteps + stable + decaySteps + 1;
        const options = { peak, floor: share * peak, warmupSteps, decaySteps, totalSteps };
        const schedule = trapezoidSchedule(options);
        const rates = Array.from({ length: totalSteps + 1 }, (_, s) => rateAt(schedule, s));
        const slope = peak / Math.max(1, Math.min(warmupSteps || Infinity, decaySteps || Infinity));
        rates.slice(1).forEach((rate, s) => {
          const change = rate - rates[s];
          if (s + 1 < warmupSteps) expect(change).toBeGreaterThan(0);
          // The roundings of two rates of at most 1.
          else expect(change).toBeLessThanOrEqual(1e-6);
          expect(Math.abs(change)).toBeLessThanOrEqual(slope + 1e-6);
        });
        expect(Math.max(...rates)).toBeCloseTo(peak, 6);
        expect(rates[totalSteps]).toBeCloseTo(decaySteps === 0 ? peak : share * peak, 6);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses parts that do not fit', () => {
    const options = { peak: 1, warmupSteps: 6, decaySteps: 5, totalSteps: 10 };
    expect(() => trapezoidSchedule(options)).toThrow(
      'trapezoidSchedule: warmupSteps 6 and decaySteps 5 must be at least 0, and together at most totalSteps 10.',
    );
  });
});

describe('every schedule', () => {
  it.each<[string, Schedule]>([
    ['constant', constantSchedule(0.1)],
    ['linear', linearSchedule({ start: 0, end: 1, totalSteps: 10 })],
    ['step', stepSchedule({ start: 1, drops: 3 })],
    ['milestones', stepSchedule({ start: 1, drops: [2, 5] })],
    ['exponential', exponentialSchedule({ start: 1, decay: 0.9 })],
    ['cosine', cosineSchedule({ peak: 1, warmupSteps: 2, totalSteps: 10 })],
    ['trapezoid', trapezoidSchedule({ peak: 1, warmupSteps: 2, decaySteps: 3, totalSteps: 10 })],
    ['one cycle', oneCycleSchedule({ peak: 1, totalSteps: 10 })],
  ])('%s is traced once and serves all steps', (_name, schedule) => {
    let calls = 0;
    const compiled = compile((step: ReturnType<typeof scalar>) => {
      calls++;
      return schedule(step);
    });
    for (const step of [0, 1, 2, 5, 9, 20]) {
      const rate = compiled(scalar(step, 'int32'));
      expect(rate.shape).toEqual([]);
      // Fused kernels may round elsewhere.
      expect(Math.abs(rate.itemSync() - rateAt(schedule, step))).toBeLessThan(1e-6);
    }
    expect(calls).toBe(1);
  });
});

describe('the ends of schedules', () => {
  const rates = fc.constantFrom(0, 1e-5, 1e-3, 0.03, 0.1, 0.7, 1, 3);
  const float = Math.fround;

  it('are exactly the rates that were given', () => {
    fc.assert(
      fc.property(rates, rates, fc.integer({ min: 4, max: 999 }), fc.nat(3), (a, b, n, warmup) => {
        const line = linearSchedule({ start: a, end: b, totalSteps: n });
        expect([0, n, n + 5].map((s) => rateAt(line, s))).toEqual([a, b, b].map(float));
        const fall = cosineSchedule({ peak: a, floor: b, warmupSteps: warmup, totalSteps: n });
        expect([warmup, n].map((s) => rateAt(fall, s))).toEqual([a, b].map(float));
        if (warmup > 0) expect(rateAt(fall, warmup - 1)).toBe(float(a));
        const cycle = oneCycleSchedule({ peak: a, totalSteps: 10, startDivisor: 4, endDivisor: 8 });
        expect([0, 2, 9].map((s) => rateAt(cycle, s))).toEqual([a / 4, a, a / 32].map(float));
      }),
    );
  });
});
