import { DeviceError } from '@tessera/tensor/gpu';
import { describe, expect, it } from 'vitest';
import { Outcome } from '../../../../packages/tensor/src/backends/gpu/device/outcome.ts';

const FINE = Promise.resolve(null);

/** The outcome of work that fails, once that is known. */
async function failed(op: string): Promise<Outcome> {
  const outcome = new Outcome();
  await outcome.follow(Promise.resolve(new DeviceError(op, 'validation', 'refused.')));
  return outcome;
}

describe('an outcome', () => {
  it('is not fine before it is known', async () => {
    const outcome = new Outcome();
    expect([outcome.isFine, outcome.failure]).toEqual([false, null]);
    expect(await outcome.follow(FINE)).toBeNull();
    expect([outcome.isFine, outcome.failure]).toEqual([true, null]);
    await outcome.known;
  });

  it('is the failure of what came before, not what follows from it', async () => {
    const outcome = new Outcome();
    const own = Promise.resolve(new DeviceError('own', 'validation', 'refused.'));
    const fine = new Outcome();
    void fine.follow(FINE);
    expect((await outcome.follow(own, [fine, await failed('cause')]))?.op).toBe('cause');
    expect(outcome.isFine).toBe(false);
    await outcome.known;
  });

  it('of all fails as any of them does, even through what it leaves out', async () => {
    const cause = new Outcome();
    const effect = new Outcome();
    void effect.follow(FINE, [cause]);
    const all = Outcome.all([cause, effect, cause]);
    // It is enough to wait for the effect.
    expect(all).toBe(effect);
    void cause.follow(Promise.resolve(new DeviceError('cause', 'lost', 'gone.')));
    await all.known;
    expect(all.failure?.op).toBe('cause');
  });

  it('of many is known when all are', async () => {
    const parts = [new Outcome(), new Outcome()];
    const all = Outcome.all(parts);
    void parts[0].follow(FINE);
    await parts[0].known;
    expect(all.isFine).toBe(false);
    void parts[1].follow(FINE);
    await all.known;
    expect(all.isFine).toBe(true);
  });

  it('of what depends on one submit is one, however many there are', () => {
    const [before, submit] = [new Outcome(), new Outcome()];
    const first = Outcome.all([before, submit]);
    let last = first;
    for (let i = 0; i < 100; i++) last = Outcome.all([last, submit]);
    expect(last).toBe(first);
  });
});
