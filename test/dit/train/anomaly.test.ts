import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FormatError,
  key,
  normal,
  ones,
  StateError,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { compiledTrainStep, initialState, presetConfig } from '@tessera/dit';
import { readLog, replayStep, train } from '@tessera/dit/node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { replayCommand } from '../../../packages/dit/src/cli/report/replay-command.ts';
import { Diverged } from '../../../packages/dit/src/train/anomaly/diverged.ts';
import { repeatSteps } from '../../../packages/dit/src/train/anomaly/repeat-steps.ts';
import { runStage } from '../../../packages/dit/src/train/stages/stage.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

// Whole runs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

let folder = '';
let data = '';
let out = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-anomaly-'));
  data = join(folder, 'data');
  out = join(folder, 'run');
  await writeFirstDigits(data, 64);
});

afterEach(() => rm(out, { recursive: true, force: true }));
afterAll(() => rm(folder, { recursive: true }));

/** A run that diverges because its learning rate is absurd, and what it says. */
async function divergedRun(
  stage: 'diffusion' | 'autoencoder',
): Promise<{ readonly message: string; readonly notices: readonly string[] }> {
  const config = briefConfig(data);
  const settings = stage === 'diffusion' ? 'optimizer' : 'autoencoder';
  const broken = { ...config, [settings]: { ...config[settings], learningRate: 1e30 } };
  const notices: string[] = [];
  const error: unknown = await train({
    config: broken,
    out,
    onNotice: (text) => notices.push(text),
  }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StateError);
  return { message: String(error).replaceAll(out, 'RUN'), notices };
}

describe('a training that goes wrong', () => {
  it.each(['diffusion', 'autoencoder'] as const)(
    'names the operation, its operands, the pass and the batch, and keeps the step: %s',
    async (stage) => {
      const { message, notices } = await divergedRun(stage);
      expect(message).toMatch(/at step \d+ of \d+ of the \w+: the training has diverged\./);
      expect(message).toMatch(
        /The cause: \w+ made [^.]+ of \d+ values in the (?:forward|backward) pass/,
      );
      expect(message).toMatch(/Operands: float32\[[\d, ]*\] /);
      expect(message).toMatch(/Its batch: images \d+(?:, \d+)*/);
      expect(message).toMatch(
        /tessera replay RUN\/anomaly\.safetensors shows more\. Lower \w+\.learningRate/,
      );
      expect(notices.join('\n')).toMatch(/repeated to find the cause\./);
      const replayed = await replayStep(join(out, 'anomaly.safetensors'));
      expect(replayed).toMatchObject({ stage, backend: 'wasm', loss: null });
      expect(replayed.indices).toHaveLength(8);
      expect(message).toContain(String(replayed.anomaly?.operation));
      await copyFile(join(out, 'anomaly.safetensors'), join(folder, 'kept.safetensors'));
      const lines: string[] = [];
      await replayCommand({ file: join(out, 'anomaly.safetensors'), backend: 'cpu' }, (line) => {
        lines.push(line);
      });
      expect(lines[0]).toMatch(/^Step \d+ of the \w+, operation by operation on the backend cpu:$/);
      expect(lines.at(-1)).toMatch(/^ {2}batch {6}images \d+/);
    },
  );

  it('leaves no file where nothing goes wrong, and rows that tell of modules and memory', async () => {
    await train({ config: { ...briefConfig(data), steps: 60 }, out });
    expect(await readdir(out)).not.toContain('anomaly.safetensors');
    const rows = (await readLog(join(out, 'log.jsonl'))).filter(
      ({ stage }) => stage === 'diffusion',
    );
    const told = rows.filter(({ modules }) => modules !== undefined);
    expect(told.map(({ step }) => step)).toEqual([1, 50]);
    for (const { gradNorm, modules = {}, memory } of told) {
      expect(Object.keys(modules)).toContain('blocks.0');
      const whole = Math.hypot(...Object.values(modules).map((norms) => norms.gradNorm));
      expect(whole / gradNorm).toBeCloseTo(1, 4); // sums of float32 in another order
      expect(memory).toBeGreaterThan(2 ** 20);
    }
    // At the first step the gates are closed, and what stands behind them does not move.
    const [{ modules: first = {} }, { modules: late = {} }] = told;
    expect(Object.values(first).map(({ updateNorm }) => updateNorm)).toContain(0);
    expect(Object.values(late).every(({ updateNorm }) => updateNorm > 0)).toBe(true);
  });
});

describe('a file of a step', () => {
  it('is refused if it is another file or damaged', async () => {
    const bytes = await readFile(join(folder, 'kept.safetensors'));
    const wrong = join(folder, 'wrong.safetensors');
    await writeFile(wrong, bytes.subarray(0, bytes.length - 4));
    await expect(replayStep(wrong)).rejects.toThrow(FormatError);
    await writeFile(
      wrong,
      Buffer.from(bytes.toString('latin1').replace('tessera-anomaly', 'tessera-anomalx'), 'latin1'),
    );
    await expect(replayStep(wrong)).rejects.toThrow(/no file of a training step/);
    await writeFile(
      wrong,
      Buffer.from(bytes.toString('latin1').replace('"step":"', '"stop":"'), 'latin1'),
    );
    await expect(replayStep(wrong)).rejects.toThrow(FormatError);
    await expect(replayStep(join(folder, 'none.safetensors'))).rejects.toThrow(/does not exist/);
  });
});

describe('the loop around a step', () => {
  const { optimizer } = presetConfig('smoke');
  /** A model whose loss is NaN where a batch holds a negative number. */
  const loss = ({ w }: { w: Tensor }, x: Tensor): Tensor => x.sqrt().mul(w).sum();
  const batchAt = (i: number): Tensor => (i === 23 ? tensor([4, -1]) : ones([2]));
  const step = compiledTrainStep(loss, optimizer, 40, { moduleNorms: true });
  const stage = {
    name: 'diffusion',
    step,
    batchAt,
    batch: 2,
    totalSteps: 40,
    stepsBefore: 0,
    onProgress: undefined,
    onRows: async (): Promise<void> => Promise.resolve(),
  } as const;
  const start = (): ReturnType<typeof initialState<{ w: Tensor }>> =>
    initialState({ w: normal(key(0), [2]) }, key(1).add(0));

  it('notices a loss that is not finite, and the step is found again from any state before', async () => {
    const error: unknown = await runStage({ ...stage, state: start() }).catch((e: unknown) => e);
    if (!(error instanceof Diverged)) throw error;
    expect(error).toMatchObject({ step: 24, what: 'the loss is NaN' });
    const pause = async (): Promise<void> => Promise.resolve();
    const first = { state: start(), stepsBefore: 0 };
    const failed = await repeatSteps({ step, batchAt }, first, 24, pause);
    expect(failed?.step).toBe(24);
    expect(await failed?.batch.toArray()).toEqual([4, -1]);
    let state = start();
    for (let i = 0; i < 23; i++) [state] = step(state, ones([2]));
    const reached = await failed?.state.model.w.toArray();
    expect(reached).toEqual(await state.model.w.toArray());
    const later = { state, stepsBefore: 23 };
    const again = await repeatSteps({ step, batchAt }, later, 24, pause);
    expect(await again?.state.model.w.toArray()).toEqual(reached);
  });

  it('notices weights that are not finite though loss and gradient are', async () => {
    const wild = compiledTrainStep(
      ({ w }: { w: Tensor }, x: Tensor) => w.mul(x).mul(1e-4).sum(),
      { ...optimizer, learningRate: 3e38, warmupSteps: 0, weightDecay: 0 },
      2,
      { moduleNorms: true },
    );
    const error: unknown = await runStage({
      ...stage,
      step: wild,
      batchAt: () => ones([2]),
      totalSteps: 1,
      state: initialState(
        {
          w: ones([2])
            .mul(-3e38)
            .add(zeros([2])),
        },
        key(1).add(0),
      ),
    }).catch((reason: unknown) => reason);
    expect(String(error)).toMatch(/the weights are not finite at step 1 of 1/);
  });
});
