import type { PackedProject } from './packed-project.ts';

/** The files of a run that drawing needs. */
export const RUN_PARTS = ['config.json', 'autoencoder.safetensors', 'model.safetensors'] as const;

/** Trains a tiny run on noise into the folder `run` of a project. */
export function makeRun(project: PackedProject): void {
  project.runModule(`
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { encodeIdxImages, encodeIdxLabels, presetConfig } from '@tessera/dit';
    import { train } from '@tessera/dit/node';
    mkdirSync('data');
    const [count, side] = [20, 28];
    const images = Uint8Array.from({ length: count * side ** 2 }, (_, i) => (i * 2654435761) >>> 24);
    const labels = encodeIdxLabels(Uint8Array.from({ length: count }, (_, i) => i % 10));
    for (const half of ['train', 't10k']) {
      const set = { images, count, rows: side, columns: side };
      writeFileSync(\`data/\${half}-images-idx3-ubyte\`, encodeIdxImages(set));
      writeFileSync(\`data/\${half}-labels-idx1-ubyte\`, labels);
    }
    const smoke = presetConfig('smoke', { steps: 2, batch: 4, data: 'data' });
    await train({
      config: {
        ...smoke,
        autoencoder: { ...smoke.autoencoder, channels: [2, 4], steps: 2, batch: 4 },
        model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
        sampling: { ...smoke.sampling, steps: 3 },
      },
      out: 'run',
    });
  `);
}
