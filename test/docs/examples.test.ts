import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readData } from '@tessera/dit/node';
import { describe, expect, it } from 'vitest';
import { runTypeScript } from './fences.ts';

describe('examples', () => {
  it('01-scalar-graph', async () => {
    expect(await runTypeScript(['examples/01-scalar-graph.ts'])).toMatchInlineSnapshot(`
      "graph(in0: float32[])
        v0: float32[] = pow(in0, 3)  y = aᵇ ⇒ ā = ȳ·b·aᵇ⁻¹ (0 where b = 0)
        v1: float32[] = mul(in0, 2)  y = a·b ⇒ ā = ȳ·b
        v2: float32[] = sub(v0, v1)  y = a − b ⇒ ā = ȳ, b̄ = −ȳ
        v3: float32[] = sin(v2)      y = sin x ⇒ x̄ = ȳ·cos x
      f(1.5)    = 0.36627
      f'(1.5)   = 4.41991
      f''(1.5)  = 0.1105
      f'''(1.5) = -141.116
      by hand   = 4.41991
      "
    `);
  });

  it('02-train-an-mlp', async () => {
    const printed = await runTypeScript(['examples/02-train-an-mlp.ts']);
    expect(printed).toMatch(
      /^337 parameters\n(?:step \d+: loss \d\.\d{3}\n){4}accuracy (?:99|100)\.\d %\n$/,
    );
  });

  it('03-watch-the-compiler', async () => {
    expect(await runTypeScript(['examples/03-watch-the-compiler.ts'])).toMatchInlineSnapshot(`
      "traced: 71 lines, simplified: 53 lines
      plan: 3 kernels, arena 128 bytes
        tmp3@0: float32[4, 3] = y = matmul(in1[4, 2], in0[3, 2]ᵀ); [4, 3] t0 = add(y,
            in2[4, 3] strides [0, 1]); t1 = less(t0, -110); t2 = where(t1, -110, t0); t3 = less(110, t2);
            t4 = where(t3, 110, t2); t5 = add(mul(mul(t4, t4), 0.07135481627260025), 1.5957691216057308);
            t6 = sigmoid(mul(t4, t5)); t7 = mul(0.0833333358168602, where(t1, 0, mul(t0, t6))); t8 =
            where(t1, 0, add(t7, t7)); t9 = mul(mul(mul(t8, t0), t6), add(neg(t6), 1)); t10 =
            mul(mul(mul(t9, t4), 0.07135481627260025), t4); add(mul(t8, t6), where(t1, 0, where(t3, 0,
            add(add(mul(t9, t5), t10), t10))))
        tmp4@64: float32[2, 3] = matmul(in1[4, 2]ᵀ, tmp3[4, 3])
        out0: float32[3, 2] = map [3, 2] tmp4[2, 3]ᵀ
      "
    `);
  });

  it('04-checkpoint', async () => {
    const printed = await runTypeScript(['examples/04-checkpoint.ts']);
    const rows = [...printed.matchAll(/\| +(\d+) KiB \| +\d+ ms \| ‖gradient‖ (\S+)\n/g)];
    const [kept, single, several, all] = rows.map(([, kibibytes]) => Number(kibibytes));
    expect(single).toBeLessThan(kept / 1.5);
    expect(several).toBeLessThan(single / 1.3);
    // Nothing is saved while the only segment is evaluated again.
    expect(all).toBeGreaterThanOrEqual(kept);
    expect(new Set(rows.map(([, , norm]) => norm)).size).toBe(1);
    expect(rows).toHaveLength(4);
  });

  it('05-custom-gradient', async () => {
    const printed = await runTypeScript(['examples/05-custom-gradient.ts']);
    const [checked] = /reach \d+ % of what is accepted/.exec(printed) ?? [];
    expect(Number(/\d+/.exec(checked ?? '')?.[0])).toBeLessThan(100);
    expect(printed.replace(checked ?? '', 'reach N % of what is accepted')).toMatchInlineSnapshot(`
      "naive     0.0000  0.4338  Infinity | gradient 0.0000  0.7616  NaN
      logCosh   0.0000  0.4338  99.3069 | gradient 0.0000  0.7616  1.0000
      checked: deviations reach N % of what is accepted
      refused: at x[2] the rule gives 0.549, differences 0.348
      rounded   -1.0000  0.0000  0.0000  2.0000 | gradient -2.0000  0.0000  0.0000  4.0000
      "
    `);
  });

  it('06-classify-digits', async () => {
    const printed = await runTypeScript(['examples/06-classify-digits.ts']);
    expect(printed).toMatch(
      /^9226 parameters, 60000 digits\n(?:step \d+: loss \d\.\d{3}\n){4}[\d.]+ % of 1000 unseen digits\n$/,
    );
    expect(Number(/([\d.]+) %/.exec(printed)?.[1])).toBeGreaterThan(88);
  });

  it('07-tiny-dit', async () => {
    const printed = await runTypeScript(['examples/07-tiny-dit.ts']);
    const losses = [...printed.matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]);
    // The phase of the stripes is chance, their direction is what the label asks for.
    const rows = printed.trimEnd().split('\n').slice(-4);
    expect(
      rows.every((row) => /^(····|████) {2}(····|████) {2}(·█·█|█·█·) {2}(·█·█|█·█·)$/.test(row)),
    ).toBe(true);
  });

  it('08-look-inside-a-block', async () => {
    const printed = await runTypeScript(['examples/08-look-inside-a-block.ts']);
    expect(printed).toMatch(/^graph\(.* parameters of folded modules\)\n {2}DiT\n/);
    expect(printed).toMatch(/^ {4}blocks\.0: AdaLnZeroBlock\n(?: {6}.*\n)+/m);
    expect(printed).toMatch(/^ {4}v\d+: .* = blocks\.1\(.* {2}AdaLnZeroBlock: \d+ operations/m);
    const [, file] = /^Open (.+) in a browser\.$/m.exec(printed) ?? [];
    expect(await readFile(file, 'utf8')).toContain('data-path="DiT/blocks.0/attn" open>');
  });

  it('09-coloured-digits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-coloured-'));
    await runTypeScript(['examples/09-coloured-digits.ts', folder, '20']);
    const { train, classNames } = await readData(folder);
    expect([train.count, classNames?.length]).toEqual([20, 10]);
    expect(train).toMatchObject({ rows: 28, columns: 28, channels: 3 });
    await rm(folder, { recursive: true });
  });
});
