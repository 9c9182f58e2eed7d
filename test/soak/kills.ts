/** Kills trainings at random moments, twenty times each, and compares what they leave with runs that were not killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CONDITIONS, DESIGNS, type TrainConfig } from '@tessera/dit';
import { trainKilled, writeNoise } from '../dit/cli/kills.ts';
import { leastConfig, leftBy } from '../dit/train/stopped-run.ts';

const KILLS = 20;

/** A run of each design, with all conditions spread over them, both optimizers, and all ways to draw timesteps. */
function rows(): Readonly<Record<string, TrainConfig>> {
  const told = CONDITIONS.filter((name) => name !== 'none');
  return Object.fromEntries(
    DESIGNS.map((design, i) => {
      const conditions = told.filter((_, j) => j % DESIGNS.length === i);
      const least = leastConfig({
        design,
        steps: 1500,
        seed: i,
        conditions,
        timestepSampling: i % 2 === 0 ? 'uniform' : 'loss-second-moment',
      });
      const config: TrainConfig = {
        ...least,
        logEvery: 1 + i,
        autoencoder: { ...least.autoencoder, steps: 1500 },
        optimizer: {
          ...least.optimizer,
          ...(i % 2 === 1 && { name: 'muon' }),
          emaDecays: [0, 0.9],
        },
      };
      return [`${design} of ${conditions.join(', ')}`, config];
    }),
  );
}

for (const [name, config] of Object.entries(rows())) {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-soak-'));
  await writeNoise(dir);
  await trainKilled(dir, {
    config,
    count: KILLS,
    random: Math.random,
    longestDelay: 700,
    saveEvery: 3,
    onKill: (text) => process.stdout.write(`${name}, ${text}\n`),
  });
  const [killed, whole] = [await leftBy(join(dir, 'killed')), await leftBy(join(dir, 'whole'))];
  if (!isDeepStrictEqual(killed, whole)) {
    throw new Error(`${name}: ${dir}/killed and ${dir}/whole differ.`);
  }
  process.stdout.write(`${name}: the same bits after ${KILLS} kills\n`);
  await rm(dir, { recursive: true });
}
