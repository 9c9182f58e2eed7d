/** Kills trainings at random moments, and compares what they leave with runs that were not killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CONDITIONS, DESIGNS, type TrainConfig } from '@tessera/dit';
import { trainKilled, writeNoise } from '../dit/cli/kills.ts';
import { leastConfig, leftBy } from '../dit/train/stopped-run.ts';

/** How often the run of each design is killed. */
interface ManyKills {
  readonly kills: number;
  /** What the moments are drawn with. */
  readonly seed: number;
  readonly onLine: (line: string) => void;
}

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

/** Numbers from 0 to 1, by Lehmer's generator. */
function lehmer(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/**
 * Kills and goes on, design after design.
 *
 * @throws Error that names the folder of a run whose bits are others
 */
export async function killTrainings({ kills, seed, onLine }: ManyKills): Promise<void> {
  const random = lehmer(seed);
  for (const [name, config] of Object.entries(rows())) {
    const dir = await mkdtemp(join(tmpdir(), 'tessera-soak-'));
    await writeNoise(dir);
    await trainKilled(dir, {
      config,
      count: kills,
      random,
      longestDelay: 700,
      saveEvery: 3,
      onKill: (text) => {
        onLine(`${name}, ${text}`);
      },
    });
    const [killed, whole] = [await leftBy(join(dir, 'killed')), await leftBy(join(dir, 'whole'))];
    if (!isDeepStrictEqual(killed, whole)) {
      throw new Error(`${name}: ${dir}/killed and ${dir}/whole differ.`);
    }
    onLine(`${name}: the same bits after ${kills} kills`);
    await rm(dir, { recursive: true });
  }
}
