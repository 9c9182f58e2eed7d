import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError, ValueError } from '@tessera/tensor';
import { presetConfig } from '@tessera/dit';
import { appendLogRow, reportRun, writeRunConfig } from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawImageGrid } from '../../../packages/dit/src/pictures/image-grid.ts';

let folder = '';

/** The folder of a run that was never trained: configuration, log and pictures. */
async function makeRun(name: string, seed: number): Promise<string> {
  const run = join(folder, name);
  await writeRunConfig(run, presetConfig('smoke', { steps: 30, seed }));
  const modules = {
    'blocks.0': { gradNorm: 0.5, weightNorm: 3, updateNorm: 0.01 },
    final_layer: { gradNorm: 0, weightNorm: 0, updateNorm: 0.01 },
  };
  for (const stage of ['autoencoder', 'diffusion'] as const) {
    for (let step = 1; step <= 30; step++) {
      const row = {
        stage,
        step,
        loss: step === 20 ? 40 : 1 / step,
        gradNorm: 2,
        imagesPerSecond: 9,
      };
      const look = step % 10 === 0 ? { memory: 2 ** 28 + step, modules } : {};
      await appendLogRow(join(run, 'log.jsonl'), { ...row, ...look });
    }
  }
  const png = await drawImageGrid({ images: new Float32Array(1), height: 1, width: 1, columns: 1 });
  await mkdir(join(run, 'samples'));
  for (const file of ['samples/step-000010.png', 'samples.png'])
    await writeFile(join(run, file), png);
  await writeFile(
    join(run, 'evaluation.json'),
    JSON.stringify({ guidance: [{ fcd: 4.25 + seed }] }),
  );
  return run;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-report-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('a report on a run', () => {
  it('is one page with pictures, findings, modules, scores and the settings that differ', async () => {
    const [run, other] = [await makeRun('one', 1), await makeRun('two', 2)];
    expect(await reportRun({ run, against: other })).toBe(join(run, 'report.html'));
    const page = (await readFile(join(run, 'report.html'), 'utf8')).replaceAll(folder, 'DIR');
    const words = page
      .replaceAll(/data:image\/png;base64,[\w+/=]+/g, 'PNG')
      .replaceAll(/<[^>]+>/g, '\n');
    for (const expected of [
      'Report on DIR/one',
      'diffusion: The loss jumps to 40 at step 20',
      'diffusion: final_layer gets no gradient',
      '30 of 30',
      'Modules of the diffusion at step 30',
      'guidance.0.fcd',
      '5.25',
      '6.25',
      'After step 10',
      'Settings that differ',
      'seed',
    ]) {
      expect(words).toContain(expected);
    }
    // Each stage: loss, gradient, rate, speed, memory, gradients and updates of modules. Then two of samples.
    expect(page.match(/src="data:image\/png;base64,/g)).toHaveLength(2 * 7 + 2);
    expect(await reportRun({ run, against: other })).toBe(join(run, 'report.html'));
  });

  it('is Markdown with pictures beside it', async () => {
    const run = await makeRun('three', 3);
    const out = join(folder, 'three.md');
    await reportRun({ run, out });
    const text = await readFile(out, 'utf8');
    const named = [...text.matchAll(/!\[[^\]]*\]\(<([^>]+)>\)/g)].map(([, path]) => path);
    expect(named).toHaveLength(16);
    for (const path of named) {
      const bytes = await readFile(join(folder, path));
      expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    }
    expect(named).toContain('three-pictures/diffusion-loss.png');
    expect(named).toContain('three/samples/step-000010.png');
  });

  it('of a run that has just begun shows what there is', async () => {
    const run = join(folder, 'new');
    await writeRunConfig(run, presetConfig('smoke'));
    await writeFile(join(run, 'log.jsonl'), '');
    await reportRun({ run });
    expect(await readdir(run)).toContain('report.html');
  });

  it('refuses what is no run, a damaged log, and another kind of file', async () => {
    await expect(reportRun({ run: join(folder, 'none') })).rejects.toThrow(ValueError);
    const run = await makeRun('four', 4);
    await expect(reportRun({ run, out: join(folder, 'x.pdf') })).rejects.toThrow(/\.html or \.md/);
    await expect(reportRun({ run, out: join(folder, 'no', 'x.html') })).rejects.toThrow(ValueError);
    await writeFile(join(run, 'log.jsonl'), '{"step":\n');
    await expect(reportRun({ run })).rejects.toThrow(FormatError);
  });
});
