import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as dit from '@tessera/dit';
import * as node from '@tessera/dit/node';
import { namedTensors } from '@tessera/autograd/nn';
import { encodeSafetensors, key, zeros, type SafetensorsEntry } from '@tessera/tensor';
import { rowsOf, type Row } from '../misuse.ts';

const smoke = dit.presetConfig('smoke');
const config: dit.AutoencoderTrainConfig = {
  ...smoke,
  backend: 'cpu',
  steps: 1,
  batch: 2,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2], latentChannels: 2, steps: 1, batch: 2 },
  model: { ...smoke.model, inChannels: 2, hiddenSize: 8, depth: 1, numHeads: 2 },
  optimizer: { ...smoke.optimizer, warmupSteps: 0 },
  sampling: { ...smoke.sampling, steps: 1 },
};
const autoencoder = new dit.Autoencoder(config.autoencoder, key(0));
const model = dit.DiT.init(config.model, key(1));
const parts = { autoencoder, latentScale: 1 };

// Wrong calls that are taken may write files of any name: they land in this folder.
const folder = mkdtempSync(join(tmpdir(), 'tessera-arguments-'));
process.chdir(folder);
process.on('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});

const data = join(folder, 'data');
const run = join(folder, 'run');
await node.writeRunConfig(data, config);
for (const prefix of ['train', 't10k']) {
  const set = { images: new Uint8Array(2 * 28 * 28), count: 2, rows: 28, columns: 28 };
  const file = (part: string): string => join(data, `${prefix}-${part}-ubyte`);
  await node.writeFileAtomic(file('images-idx3'), dit.encodeIdxImages(set));
  await node.writeFileAtomic(file('labels-idx1'), dit.encodeIdxLabels(Uint8Array.of(0, 1)));
}
await node.writeRunConfig(run, { ...config, latentScale: 1 });
await node.saveModule(join(run, 'autoencoder.safetensors'), autoencoder);
await node.saveModule(join(run, 'model.safetensors'), model);
const row = { stage: 'diffusion', step: 1, loss: 1, gradNorm: 1, imagesPerSecond: 1 } as const;
await node.appendLogRow(join(run, 'log.jsonl'), row);

await node.writeRunConfig(join(folder, 'stopped'), { ...config, data });

/** A step of the autoencoder, as a training that goes wrong keeps it. */
const stored = new Map<string, SafetensorsEntry>();
const state = dit.initialState(autoencoder, key(2));
for (const [name, leaf] of namedTensors({ state, batch: zeros([2, 1, 32, 32]) })) {
  stored.set(name, { dtype: leaf.dtype, shape: leaf.shape, data: leaf.dataSync() });
}
await node.writeFileAtomic(
  join(run, 'anomaly.safetensors'),
  encodeSafetensors(stored, {
    format: 'tessera-anomaly',
    version: '1',
    stage: 'autoencoder',
    step: '1',
    config: JSON.stringify(config),
    indices: '[0, 1]',
  }),
);

const digits = {
  images: new Uint8Array(4 * 32 * 32),
  labels: Uint8Array.of(0, 1, 2, 3),
  count: 4,
  rows: 32,
  columns: 32,
};
const latents = await dit.codecOf({ codec: 'pixels' }).prepare(digits, digits.count);
const measuring = {
  samples: 4,
  guidance: [1],
  seeds: 1,
  told: ['label'],
  onProgress: (): void => undefined,
};
const trained = await node.readRun(run);
const ruler = await node.readRuler();

/** A row for every public function and class of the entry. */
export const ditNodeRows: readonly Row[] = [
  ...rowsOf(node, {
    exportToOnnx: [{ run, what: 'decoder', out: join(folder, 'decoder.onnx'), batch: 1 }],
    Generator: [config, parts],
    appendLogRow: [join(folder, 'log.jsonl'), row],
    captionOf: [7, { weight: 'thin', lean: 'left' }, 1],
    chooseRunFolder: [join(folder, 'new'), join(folder, 'standard')],
    claimRunFolder: [undefined, config, join(folder, 'claimed')],
    conditionMap: ['depth', new Uint8Array(4), 2],
    drawEvaluationPart: [trained, digits, measuring, join(folder, 'parts'), { index: 1, count: 1 }],
    evaluateRun: [trained, ruler, { train: digits, test: digits }, measuring],
    heldOutCombinations: [],
    loadMnist: [{ dir: data, classes: 10 }],
    loadModule: [join(run, 'model.safetensors'), model, { onNotice: () => undefined }],
    presetConfig: ['smoke', { steps: 9 }],
    readLog: [join(run, 'log.jsonl')],
    readRun: [run],
    replayStep: [join(run, 'anomaly.safetensors'), { backend: 'cpu' }],
    reportRun: [{ run, against: run, out: join(folder, 'report.html') }],
    readImages: [ruler, new Float32Array(2 * 32 * 32)],
    readRuler: [],
    readRunConfig: [run],
    sampleRun: [
      {
        run,
        labels: [1],
        openLabel: false,
        guidance: 1,
        sampler: 'ddim',
        steps: 1,
        seed: 0,
        out: join(folder, 'picture.png'),
        backend: 'cpu',
        onNotice: () => undefined,
        onProgress: () => undefined,
      },
    ],
    readData: [data, { size: 32, unit: 16, channels: 1, skipBad: true }],
    saveModule: [
      join(folder, 'saved.safetensors'),
      model,
      { note: 'untrained' },
      { floats: 'F16' },
    ],
    resumeRun: [
      {
        run: join(folder, 'stopped'),
        steps: 1,
        skipBad: false,
        keep: 1,
        saveEvery: { steps: 1 },
        onStart: () => undefined,
        onStage: () => undefined,
        onProgress: () => undefined,
        onNotice: () => undefined,
        onSave: () => undefined,
      },
    ],
    strokeOf: [new Uint8Array(6), 2, 3],
    train: [
      {
        config: { ...config, data },
        skipBad: false,
        out: join(folder, 'trained'),
        keep: 1,
        saveEvery: { minutes: 1 },
        onStart: () => undefined,
        onStage: () => undefined,
        onProgress: () => undefined,
        onNotice: () => undefined,
        onSave: () => undefined,
      },
    ],
    exportToPytorch: [
      {
        run: join(folder, 'trained'),
        out: join(folder, 'exported'),
        skipBad: false,
        onNotice: () => undefined,
      },
    ],
    saveDiffusers: [join(folder, 'diffusers'), model],
    loadDiffusers: [join(folder, 'diffusers'), model],
    exportWeights: [{ run, out: join(folder, 'weights.pt') }],
    importWeights: [
      {
        weights: join(run, 'model.safetensors'),
        like: run,
        out: join(folder, 'imported-weights'),
        onNotice: () => undefined,
      },
    ],
    importFromPytorch: [
      {
        checkpoint: join(folder, 'exported', 'state.safetensors'),
        out: join(folder, 'imported'),
        onNotice: () => undefined,
      },
    ],
    writeFileAtomic: [join(folder, 'text'), 'text'],
    writeRunConfig: [join(folder, 'written'), config],
  }),
  // Records, which callers may extend.
  ...rowsOf(node, {
    evaluateImages: [
      { images: new Float32Array(4 * 1024), classes: Int32Array.of(0, 1, 2, 3) },
      ruler,
      { train: digits, test: digits },
    ],
    latentTraining: [config, { latents, labels: digits.labels }],
    sharedLatents: [join(run, 'autoencoder.safetensors'), config, digits],
    strokeWords: [{ thickness: 2, slant: 0 }],
    trainingFlops: [config],
    trainingHours: [config],
  }).map((each) => ({ ...each, takesMore: true })),
];
