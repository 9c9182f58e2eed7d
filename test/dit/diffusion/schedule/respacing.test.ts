import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { respaceTimesteps } from '@tessera/dit';

describe('respaceTimesteps', () => {
  it('rounds halves to even, as the published maps do', () => {
    expect([...respaceTimesteps(1000, 25)]).toEqual([
      0, 42, 83, 125, 166, 208, 250, 291, 333, 375, 416, 458, 500, 541, 583, 624, 666, 708, 749,
      791, 832, 874, 916, 957, 999,
    ]);
    const map250 = [...respaceTimesteps(1000, '250')];
    expect(map250.slice(0, 6)).toEqual([0, 4, 8, 12, 16, 20]);
    expect(map250.slice(-2)).toEqual([995, 999]);
  });

  it('adds its stride up as the official code does, which rounds other ties than a product', () => {
    for (const count of [21, 23, 27, 47]) {
      const middle = (count - 1) / 2;
      expect((middle * 999) / (count - 1)).toBe(499.5); // which would round to 500
      expect(respaceTimesteps(1000, count)[middle]).toBe(499);
    }
  });

  it('keeps all timesteps by default', () => {
    expect([...respaceTimesteps(5, '')]).toEqual([0, 1, 2, 3, 4]);
  });

  it('spaces each section of a list on its own', () => {
    expect([...respaceTimesteps(10, '2,3')]).toEqual([0, 4, 5, 7, 9]);
    expect([...respaceTimesteps(11, ' 1, 5 ')]).toEqual([0, 6, 7, 8, 9, 10]);
  });

  it('keeps as many as told, in ascending order, from the first to the last', () => {
    const counts = fc
      .integer({ min: 2, max: 1000 })
      .chain((total) => fc.tuple(fc.constant(total), fc.integer({ min: 2, max: total })));
    fc.assert(
      fc.property(counts, ([total, count]) => {
        const kept = [...respaceTimesteps(total, count)];
        expect(kept.length).toBe(count);
        expect(kept[0]).toBe(0);
        expect(kept.at(-1)).toBe(total - 1);
        expect(kept.every((s, i) => i === 0 || s > kept[i - 1])).toBe(true);
      }),
    );
  });

  it('takes a whole stride for ddim', () => {
    expect([...respaceTimesteps(1000, 'ddim25')]).toEqual(
      Array.from({ length: 25 }, (_, i) => 40 * i),
    );
    expect(respaceTimesteps(1000, 'ddim26').length).toBe(26);
    expect([...respaceTimesteps(1000, 'ddim30')].at(-1)).toBe(29 * 34);
  });

  it('rounds a product where it is even, which differs from the official sum for many counts', () => {
    expect([...respaceTimesteps(1000, 'even5')]).toEqual([0, 250, 500, 749, 999]);
    expect([...respaceTimesteps(1000, 'even1')]).toEqual([999]);
    expect([...respaceTimesteps(1000, 1)]).toEqual([0]);
    let different = 0;
    for (let count = 2; count <= 1000; count++) {
      const even = respaceTimesteps(1000, `even${count}`);
      const official = respaceTimesteps(1000, count);
      const off = even.map((s, i) => Math.abs(s - official[i]));
      expect(Math.max(...off)).toBeLessThanOrEqual(1);
      if (Math.max(...off) === 1) different += 1;
    }
    expect(different).toBeGreaterThan(40);
  });

  it('comes down from the last timestep where it is trailing', () => {
    expect([...respaceTimesteps(1000, 'trailing4')]).toEqual([249, 499, 749, 999]);
    expect([...respaceTimesteps(1000, 'trailing1')]).toEqual([999]);
    const counts = fc
      .integer({ min: 1, max: 1000 })
      .chain((total) => fc.tuple(fc.constant(total), fc.integer({ min: 1, max: total })));
    fc.assert(
      fc.property(counts, ([total, count]) => {
        const kept = [...respaceTimesteps(total, `trailing${count}`)];
        expect(kept.length).toBe(count);
        expect(kept.at(-1)).toBe(total - 1);
        expect(kept[0]).toBeGreaterThanOrEqual(0);
        expect(kept.every((s, i) => i === 0 || s > kept[i - 1])).toBe(true);
      }),
    );
  });

  test.each([
    [10, 'even11', '11 of 10 timesteps cannot be kept.'],
    [10, 'trailing0', '0 of 10 timesteps cannot be kept.'],
    [
      1000,
      'ddim333',
      "no whole stride makes 333 of 1000 timesteps. Use '333' for a fractional stride.",
    ],
    [10, '20', 'section 1 has 10 timesteps, so it cannot keep 20.'],
    [10, '5,6', 'section 2 has 5 timesteps, so it cannot keep 6.'],
    [10, '0', "'0' keeps no timestep at all."],
    [
      10,
      'fast',
      "'fast' is no respacing. Write '50', '10,15,20', 'ddim25', 'even50', 'trailing50', or '' for all timesteps.",
    ],
    [
      10,
      2.5,
      "'2.5' is no respacing. Write '50', '10,15,20', 'ddim25', 'even50', 'trailing50', or '' for all timesteps.",
    ],
  ])('of %i timesteps refuses %s', (total, respacing, message) => {
    expect(() => respaceTimesteps(total, respacing)).toThrow(`respaceTimesteps: ${message}`);
  });
});
