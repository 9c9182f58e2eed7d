// What the room Train must reach: steps a second beside Node, and a page that stays quick meanwhile.

import type { Page } from 'playwright-core';
import { key, normal, setDefaultBackend, tensor, wasmBackend } from '@tessera/tensor';
import {
  compiledTrainStep,
  diffusionLoss,
  DiT,
  initialState,
  presetConfig,
  type DiffusionBatch,
} from '@tessera/dit';
import type { StudioRow } from './rows.ts';

/** The first steps, which compile, and those that are timed: as many as lie between two samples. */
const [FIRST, TIMED] = [55, 40];

/** The preset smoke on latents, with the room's patch. */
const ROOM = '#/train?width=96&depth=3&patch=2';

/** Trains in the page, and gives what `read` says of the timed steps. */
async function training(page: Page, address: string, read: string): Promise<number> {
  await page.addInitScript(`
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries())).observe({ type: 'longtask' });
  `);
  await page.goto(address);
  await page.getByRole('button', { name: 'Play' }).click();
  return page.evaluate(`new Promise((resolve) => {
    const step = () => Number(/step (\\d+)/.exec(document.querySelector('[data-testid=step-0]').textContent)?.[1] ?? 0);
    let first = null;
    const look = () => {
      if (first === null && step() >= ${FIRST}) first = { step: step(), time: performance.now() };
      const [steps, milliseconds] = first === null ? [0, 0] : [step() - first.step, performance.now() - first.time];
      if (steps < ${TIMED}) return setTimeout(look, 5);
      resolve(${read});
    };
    look();
  })`);
}

/**
 * Milliseconds of a step of the same sizes in Node, on the same threads.
 *
 * @param wide whether on 256 bits, where Node has them; a page computes on 128
 */
async function stepInNode(wide: boolean): Promise<number> {
  const before = setDefaultBackend(wasmBackend({ wide }));
  try {
    return await timedSteps();
  } finally {
    setDefaultBackend(before);
  }
}

async function timedSteps(): Promise<number> {
  const preset = presetConfig('smoke', { batch: 32 });
  const config = { ...preset, model: { ...preset.model, patchSize: 2 } };
  const step = compiledTrainStep(diffusionLoss(config, 1), config.optimizer, 1000);
  const batch = (): DiffusionBatch => {
    const [mean, logVariance] = [1, 2].map((seed) => normal(key(seed), [32, 4, 8, 8]));
    return { posterior: { mean, logVariance }, labels: tensor(new Int32Array(32)) };
  };
  let state = initialState(DiT.init(config.model, key(0)), key(1), config.optimizer);
  let start = 0;
  for (let i = 0; i < FIRST + TIMED; i++) {
    if (i === FIRST) start = performance.now();
    const [next, { loss }] = step(state, batch());
    state = next;
    await loss.item();
  }
  return (performance.now() - start) / TIMED;
}

/** Training steps a second in the page, in percent of those of Node. */
function speedRow(name: string, bar: string, wide: boolean): StudioRow {
  return {
    name: `training steps a second in the page, in those of Node ${name}`,
    bar,
    unit: '%',
    measure: async (studio) => {
      const page = await studio.visit(ROOM, (each, address) =>
        training(each, address, 'milliseconds / steps'),
      );
      return (100 * (await stepInNode(wide))) / page;
    },
  };
}

/** The rows. */
export const trainRows: readonly StudioRow[] = [
  speedRow('by the same code', '≥ 85 %', false),
  speedRow('by its widest code', '–', true),
  {
    name: 'longest task of the page while it trains',
    bar: '≤ 50 ms',
    unit: 'ms',
    measure: (studio) =>
      studio.visit(ROOM, (page, address) =>
        training(
          page,
          address,
          'Math.max(0, ...longTasks.filter((task) => task.startTime > first.time).map((task) => task.duration))',
        ),
      ),
  },
];
