import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settingsCommand, trainConfig } from '../../packages/dit/src/cli/train/train-command.ts';
import { OBJECTIVES, PRESETS, WEIGHTINGS } from '../../packages/dit/src/config/choices.ts';
import { parseTrainConfig } from '../../packages/dit/src/config/config.ts';
import { presetConfig } from '../../packages/dit/src/config/presets.ts';
import { settings, withSettings } from '../../packages/dit/src/config/settings.ts';
import { writeRunConfig } from '../../packages/dit/src/run/run-folder.ts';

const smoke = presetConfig('smoke');

/** The paths and values of a configuration, those of lists as one. */
function leaves(value: object, path = ''): [path: string, value: unknown][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? leaves(inner, `${path}${name}.`)
      : [[`${path}${name}`, inner] as [string, unknown]],
  );
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

describe('settings', () => {
  test('are all values of a configuration but those that a run writes by itself', () => {
    const paths = settings().map(({ path }) => path);
    const own = leaves(smoke).map(([path]) => path);
    expect(own.filter((path) => !paths.includes(path))).toEqual(['preset']);
    expect(paths).toContain('diffusion.shift');
    expect(paths).toContain('model.conditions');
    expect(new Set(paths).size).toBe(paths.length);
  });

  test('that are set to what they are change nothing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PRESETS),
        fc.constantFrom(...OBJECTIVES.filter((name) => name !== 'mean-flow')),
        (preset, objective) => {
          const config = presetConfig(preset, { objective, conditions: ['label', 'text'] });
          const changes = leaves(config).flatMap(([path, value]) =>
            path === 'preset' ? [] : [`${path}=${written(value)}`],
          );
          expect(withSettings(config, changes)).toEqual(config);
        },
      ),
    );
  });

  test('change one value, and leave out what may be left out', () => {
    expect(withSettings(smoke, ['model.depth=8']).model).toEqual({ ...smoke.model, depth: 8 });
    expect(withSettings(smoke, ['optimizer.betas=0.9,0.95']).optimizer.betas).toEqual([0.9, 0.95]);
    expect(withSettings(smoke, ['autoencoder.channels=4,8']).autoencoder?.channels).toEqual([4, 8]);
    expect(withSettings(smoke, ['model.learnSigma=true']).model.learnSigma).toBe(true);
    const saving = withSettings(smoke, ['accumulate=2', 'accumulate=4']);
    expect(saving.accumulate).toBe(4);
    expect(withSettings(saving, ['accumulate=null'])).toEqual(smoke);
  });

  test('reach the items of a list by their numbers, and fields of items', () => {
    const told = presetConfig('smoke', { conditions: ['label', 'text', 'depth'] });
    const changed = withSettings(told, [
      'model.conditions.0.dropoutProb=0.5',
      'model.conditions.0.words.1=fat',
      'model.conditions.1.dropoutProb=0.25',
      'optimizer.betas.1=0.95',
      'autoencoder.channels.0=8',
    ]);
    const [text, depth] = told.model.conditions ?? [];
    const { words = [] } = text as { words?: readonly string[] };
    expect(changed).toEqual({
      ...told,
      autoencoder: { ...told.autoencoder, channels: [8, 32] },
      model: {
        ...told.model,
        conditions: [
          { ...text, dropoutProb: 0.5, words: words.map((word, i) => (i === 1 ? 'fat' : word)) },
          { ...depth, dropoutProb: 0.25 },
        ],
      },
      optimizer: { ...told.optimizer, betas: [0.9, 0.95] },
    });
    const refused = (change: string): string => {
      try {
        withSettings(told, [change]);
      } catch (error) {
        return String(error);
      }
      return 'taken';
    };
    expect(
      [
        'model.conditions.2.dropoutProb=0.5',
        'model.conditions.depth.dropoutProb=0.5',
        'model.conditions.1.dropoutProp=0.5',
        'model.conditions.1.width=8',
        'model.conditions.1.dropoutProb=2',
        'model.conditions.1=2',
        'optimizer.emaDecays.0=0.9',
        'autoencoder.channels.0.x=1',
        'optimizer.betas.0=null',
      ].map(refused),
    ).toMatchInlineSnapshot(`
      [
        "ValueError: train: --set model.conditions.2.dropoutProb: model.conditions has 2 items in this run, numbered from 0 to 1.",
        "ValueError: train: --set model.conditions.depth.dropoutProb: model.conditions has 2 items in this run, numbered from 0 to 1.",
        "ValueError: train: --set model.conditions.1.dropoutProp: there is no such setting. Did you mean model.conditions.1.dropoutProb? All are listed by tessera settings.",
        "ValueError: train: --set model.conditions.1.width: there is no such setting. Did you mean model.conditions.1.kind? All are listed by tessera settings.",
        "ValueError: train: --set model.conditions.1.dropoutProb: expected a number from 0 to 1, given "2".",
        "ValueError: train: --set model.conditions.1: expected a value in JSON, given "2".",
        "ValueError: train: --set optimizer.emaDecays.0: optimizer.emaDecays has 0 items in this run.",
        "ValueError: train: --set autoencoder.channels.0.x: there is no such setting. All are listed by tessera settings.",
        "ValueError: train: --set optimizer.betas.0: expected a number from 0 below 1, given "null".",
      ]
    `);
  });

  test('of the wrong type or range are refused with what is expected and given', () => {
    const refused = (change: string): string => {
      try {
        withSettings(smoke, [change]);
      } catch (error) {
        return String(error);
      }
      return 'taken';
    };
    expect(
      [
        'model.depth=0',
        'model.depth=x',
        'seed=',
        'model.learnSigma=1',
        'optimizer.betas=0.9',
        'diffusion.shift=0',
        'diffusion.objective=flo',
        'preset=quick',
        'depth=8',
        'model=3',
        'optimizer.learningrate=1',
        'xyz=1',
        'model.depth',
        'sampling.steps=5000',
      ].map(refused),
    ).toMatchInlineSnapshot(`
      [
        "ValueError: train: --set model.depth: expected a whole number from 1 to 1000, given "0".",
        "ValueError: train: --set model.depth: expected a whole number from 1 to 1000, given "x".",
        "ValueError: train: --set seed: expected a whole number from 0 to 4294967295, given "".",
        "ValueError: train: --set model.learnSigma: expected true or false, given "1".",
        "ValueError: train: --set optimizer.betas: expected 2 values, each a number from 0 below 1, given "0.9".",
        "ValueError: train: --set diffusion.shift: expected a number from 0.001 to 1000, given "0".",
        "ValueError: train: --set diffusion.objective: expected one of eps, xStart, v, flow, mean-flow, given "flo".",
        "ValueError: train: --set preset: there is no such setting. All are listed by tessera settings.",
        "ValueError: train: --set depth: there is no such setting. Did you mean model.depth? All are listed by tessera settings.",
        "ValueError: train: --set model: there is no such setting. It has settings such as model.inputSize. All are listed by tessera settings.",
        "ValueError: train: --set optimizer.learningrate: there is no such setting. Did you mean optimizer.learningRate? All are listed by tessera settings.",
        "ValueError: train: --set xyz: there is no such setting. All are listed by tessera settings.",
        "ValueError: train: --set model.depth: expected path=value, such as model.depth=8.",
        "FormatError: parseTrainConfig: --set sampling.steps=5000: sampling.steps 5000 is more than the 1000 timesteps of the diffusion.",
      ]
    `);
  });

  test('are listed with their values', () => {
    const lines: string[] = [];
    settingsCommand({ preset: 'smoke' }, (line) => lines.push(line));
    expect(lines).toHaveLength(1 + settings().length);
    expect(lines.find((line) => line.includes('model.depth'))).toMatch(
      / {2}model\.depth +3 +a whole number from 1 to 1000$/,
    );
  });
});

describe('the config.json of a run', () => {
  test('is accepted by --config and gives the same configuration', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-settings-'));
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...PRESETS),
          fc.constantFrom(...OBJECTIVES.filter((name) => name !== 'mean-flow')),
          fc.constantFrom(...WEIGHTINGS),
          fc.option(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { nil: undefined }),
          async (preset, objective, weighting, shift) => {
            const config = presetConfig(preset, { objective, weighting });
            const shifted = shift === undefined ? [] : [`diffusion.shift=${shift}`];
            const own = withSettings(config, shifted);
            await writeRunConfig(folder, { ...own, latentScale: 0.5 });
            expect(await trainConfig({ config: join(folder, 'config.json') })).toEqual(own);
          },
        ),
        { numRuns: 20 },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('with a misspelt field is refused with the nearest name', () => {
    const { depth, ...model } = smoke.model;
    expect(() => parseTrainConfig({ ...smoke, model: { ...model, dept: depth } })).toThrow(
      'config: model.depth: missing.',
    );
    expect(() => parseTrainConfig({ ...smoke, model: { ...smoke.model, dept: 3 } })).toThrow(
      'config: model.dept: no such field, perhaps depth.',
    );
    expect(() => parseTrainConfig({ ...smoke, sead: 3 })).toThrow(
      'config: sead: no such field, perhaps seed.',
    );
  });

  test('takes --set after all other options', async () => {
    const config = await trainConfig({
      steps: 500,
      set: ['steps=600', 'diffusion.gamma=3', 'diffusion.weighting=min-snr'],
    });
    expect(config).toMatchObject({ steps: 600, diffusion: { gamma: 3, weighting: 'min-snr' } });
  });
});
