import { FormatError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DESIGNS,
  OBJECTIVES,
  PRESETS,
  SCHEDULES,
  TIMESTEP_SAMPLINGS,
  WEIGHTINGS,
} from '../../packages/dit/src/config/choices.ts';
import { parseConfigText, parseTrainConfig } from '../../packages/dit/src/config/config.ts';
import { parseModelConfig } from '../../packages/dit/src/config/model-config.ts';
import { presetConfig } from '../../packages/dit/src/config/presets.ts';

const base = presetConfig('quick');
const SLANT = { kind: 'scalar', name: 'slant', range: [-1, 1], dropoutProb: 0.1 };

/** A JSON copy of the quick preset, for tests to spoil. */
function spoiled(...changes: [path: string, value: unknown][]): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(base));
  for (const [path, value] of changes) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let parent = copy as Record<string, unknown>;
    for (const key of keys) {
      parent = parent[key] as Record<string, unknown>;
    }
    if (value === undefined) {
      delete parent[last];
    } else {
      parent[last] = value;
    }
  }
  return copy;
}

function problem(...changes: [path: string, value: unknown][]): string {
  try {
    parseTrainConfig(spoiled(...changes), 'config.json');
  } catch (error) {
    return String(error);
  }
  return 'accepted';
}

/** What is thrown. */
function caught(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

/** Every path to a value inside the configuration. */
function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null) {
    return [prefix.slice(1)];
  }
  const inside = Object.entries(value).flatMap(([key, child]) =>
    pathsOf(child, `${prefix}.${key}`),
  );
  return prefix === '' ? inside : [prefix.slice(1), ...inside];
}

describe('a configuration', () => {
  test('of every preset and design is accepted as JSON', () => {
    for (const preset of PRESETS) {
      for (const design of DESIGNS) {
        const config = presetConfig(preset, { design });
        expect(parseTrainConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
      }
    }
  });

  test('with any changes of the command line is accepted', () => {
    const positive = fc.integer({ min: 1, max: 1e6 });
    const changes = fc.record(
      {
        design: fc.constantFrom(...DESIGNS),
        steps: positive,
        batch: positive,
        seed: fc.integer({ min: 0, max: 0xffff_ffff }),
        data: fc.string({ minLength: 1 }),
        objective: fc.constantFrom(...OBJECTIVES.filter((name) => name !== 'mean-flow')),
        schedule: fc.constantFrom(...SCHEDULES),
        timestepSampling: fc.constantFrom(...TIMESTEP_SAMPLINGS),
        weighting: fc.constantFrom(...WEIGHTINGS),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom(...PRESETS), changes, (preset, changed) => {
        const config = presetConfig(preset, changed);
        expect(parseTrainConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
        expect(config).toMatchObject({ preset });
      }),
    );
  });

  test('with a field left out is refused, but for those that have a default', () => {
    const optional = new Set([
      'diffusion.timestepSampling',
      'diffusion.shift',
      'sampling.guidanceInterval',
    ]);
    for (const path of pathsOf(base)) {
      if ([...optional].some((field) => path.startsWith(field))) continue;
      expect(problem([path, undefined])).toMatch(/^FormatError: parseTrainConfig: config\.json: /);
    }
    for (const field of optional) expect(problem([field, undefined])).toBe('accepted');
  });

  test('with a field of another kind is refused', () => {
    for (const path of pathsOf(base)) {
      for (const value of [null, { x: 1 }, [[]], '']) {
        expect(problem([path, value])).toMatch(/^FormatError: parseTrainConfig: config\.json: /);
      }
    }
  });

  test('with a field too many is refused', () => {
    for (const path of ['extra', 'model.extra', 'autoencoder.extra', 'sampling.extra']) {
      expect(problem([path, 1])).toBe(
        `FormatError: parseTrainConfig: config.json: ${path}: no such field.`,
      );
    }
  });

  test('that is no object at all is refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseTrainConfig(value)).toThrow(FormatError);
        expect(() => parseModelConfig(value)).toThrow(FormatError);
      }),
    );
  });

  test('says in one line what is wrong', () => {
    expect(problem(['model.depth', undefined])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model.depth: missing."`,
    );
    expect(problem(['model.depth', 'six'])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model.depth: expected number, got "six"."`,
    );
    expect(problem(['model.depth', 0])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model.depth: must be at least 1, got 0."`,
    );
    expect(problem(['batch', 1.5])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: batch: must be a whole number, got 1.5."`,
    );
    expect(problem(['model.design', 'adaln-one'])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model.design: expected ("in-context" | "cross-attention" | "adaln" | "adaln-zero" | "modern"), got "adaln-one"."`,
    );
    expect(problem(['optimizer.betas', [0.9]])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: optimizer.betas.1: expected number, got undefined."`,
    );
    expect(problem(['optimizer.betas', [0.9, 1]])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: optimizer.betas.1: must be less than 1, got 1."`,
    );
    expect(problem(['autoencoder.channels', []])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: autoencoder.channels: must name at least one convolution, got []."`,
    );
    expect(problem(['latentScale', 0])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: latentScale: must be greater than 0, got 0."`,
    );
    expect(problem(['seed', 2 ** 32])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: seed: must be at most 4294967295, got 4294967296."`,
    );
  });

  test('whose parts do not fit each other is refused', () => {
    expect(problem(['model.patchSize', 3])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model: patchSize 3 does not divide inputSize 8."`,
    );
    expect(problem(['model.numHeads', 5])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model: numHeads 5 does not divide hiddenSize 192."`,
    );
    expect(problem(['model.hiddenSize', 6], ['model.numHeads', 2])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model: hiddenSize 6 is not a multiple of 4, which position '2d' needs."`,
    );
    expect(problem(['model.hiddenSize', 6], ['model.numHeads', 2], ['model.position', '1d'])).toBe(
      'accepted',
    );
    expect(problem(['model.inputSize', 16])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model.inputSize is 16, but this autoencoder turns 32×32 images into 8×8 latents."`,
    );
    expect(problem(['model.inChannels', 8])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model.inChannels is 8, but autoencoder.latentChannels is 4."`,
    );
    expect(problem(['steps', 50])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: optimizer.warmupSteps 100 is more than the 50 steps of the run."`,
    );
    expect(problem(['sampling.steps', 1001])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: sampling.steps 1001 is more than the 1000 timesteps of the diffusion."`,
    );
    expect(problem(['accumulate', base.batch])).toBe('accepted');
    expect(problem(['accumulate', base.batch - 1])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: accumulate 63 does not divide the batch of 64."`,
    );
    expect(
      problem(['accumulate', 2], ['diffusion.timestepSampling', 'loss-second-moment']),
    ).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: accumulate 2 does not go with diffusion.timestepSampling 'loss-second-moment', which takes whole batches."`,
    );
    expect(problem(['checkpoint', base.model.depth])).toBe('accepted');
    expect(problem(['checkpoint', base.model.depth + 1])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: checkpoint 7 is more than the 6 blocks of the model."`,
    );
  });

  test('takes every setting of the diffusion and of sampling', () => {
    const diffusion = {
      ...base.diffusion,
      zeroTerminalSnr: true,
      variance: 'fixed-small',
      timestepSampling: 'logit-normal',
      shift: 2,
      weighting: 'min-snr',
      gamma: 3,
    };
    const sampling = {
      ...base.sampling,
      eta: 0.5,
      spacing: 'trailing',
      guidanceInterval: [100, 700],
      guidanceRescale: 0.7,
      compat: 'official',
    };
    const config = { ...base, diffusion, sampling };
    expect(parseTrainConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    const flow = { ...base.diffusion, objective: 'flow', shift: 3, contrastive: 0.05 };
    const midpoint = { ...base.sampling, sampler: 'midpoint' };
    const flowing = { ...base, diffusion: flow, sampling: midpoint };
    expect(parseTrainConfig(JSON.parse(JSON.stringify(flowing)))).toEqual(flowing);
  });

  test.each<[[string, unknown][], string]>([
    [[['diffusion.gamma', 3]], 'gamma 3 belongs to the weighting min-snr'],
    [[['diffusion.contrastive', 0.1]], 'contrastive 0.1 belongs to the objective flow'],
    [
      [
        ['diffusion.objective', 'eps'],
        ['diffusion.zeroTerminalSnr', true],
      ],
      'zeroTerminalSnr leaves no signal at the last timestep',
    ],
    [
      [
        ['model.learnSigma', true],
        ['diffusion.variance', 'fixed-small'],
      ],
      'variance fixed-small is fixed, but model.learnSigma is true',
    ],
    [[['diffusion.compat', 'fixed']], 'compat fixed is about the bound'],
    [
      [
        ['diffusion.timestepSampling', 'loss-second-moment'],
        ['diffusion.shift', 2],
      ],
      'shift 2 has no place beside',
    ],
    [
      [
        ['diffusion.objective', 'flow'],
        ['sampling.sampler', 'heun'],
        ['diffusion.timestepSampling', 'loss-second-moment'],
        ['diffusion.shift', 2],
      ],
      'shift 2 has no place beside',
    ],
    [
      [
        ['model.conditions', [SLANT]],
        ['sampling.guidanceRescale', 0.7],
      ],
      'guidanceRescale 0.7 goes with guidance by the label alone, but the model has the conditions slant',
    ],
    [
      [
        ['model.conditions', [SLANT]],
        ['sampling.compat', 'official'],
      ],
      'compat official goes with guidance by the label alone',
    ],
    [[['model.jointDropoutProb', 0.1]], 'the model has none beside the label'],
    [[['diffusion.objective', 'flow']], 'sampler ddim does not go with the objective flow'],
    [
      [
        ['diffusion.objective', 'flow'],
        ['model.learnSigma', true],
      ],
      'a step of a flow has no variance to learn',
    ],
    [
      [
        ['diffusion.objective', 'flow'],
        ['diffusion.variance', 'fixed-small'],
      ],
      'diffusion.variance belongs to noise schedules',
    ],
    [
      [
        ['diffusion.objective', 'flow'],
        ['diffusion.contrastive', 0.1],
        ['batch', 1],
      ],
      'compares samples of a batch, but batch is 1',
    ],
    [
      [
        ['diffusion.objective', 'flow'],
        ['sampling.sampler', 'heun'],
        ['sampling.spacing', 'even'],
      ],
      'spacing even chooses timesteps of a noise schedule',
    ],
    [[['sampling.sampler', 'euler']], 'sampler euler does not go with the objective v'],
    [
      [
        ['sampling.sampler', 'heun'],
        ['sampling.eta', 1],
      ],
      'eta 1 belongs to the sampler ddim',
    ],
    [[['sampling.guidanceInterval', [9, 3]]], 'guidanceInterval [9, 3] ends before it begins'],
    [[['sampling.guidanceInterval', [5000, 9000]]], 'begins after the 1000 timesteps'],
  ])('refuses settings that do not go together: %j', (changes, message) => {
    expect(problem(...changes)).toContain(message);
  });

  test('that a run could not end with is refused', () => {
    expect(problem(['model.classDropoutProb', 0])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: sampling.guidance 2 needs a null class, and a model with classDropoutProb 0 has none. Set sampling.guidance to 1, or classDropoutProb above 0."`,
    );
    expect(problem(['model.classDropoutProb', 0], ['sampling.guidance', 1])).toBe('accepted');
    expect(problem(['model.mlpRatio', 1e-9])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model: mlpRatio 1e-9 leaves nothing of hiddenSize 192 for the MLP."`,
    );
    expect(problem(['classNames', ['a', 'b']])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: classNames has 2 names for the 10 classes of the model."`,
    );
    expect(problem(['classNames', base.autoencoder.channels])).toMatch(
      /classNames\.0: expected string/,
    );
    const names = Array.from({ length: 10 }, (_, i) => `name ${i}`);
    expect(problem(['classNames', names])).toBe('accepted');
    expect(problem(['classNames', [...names.slice(1), 'a\u0000b']])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: classNames.9: must have no control characters, got "a\\u{0}b"."`,
    );
  });

  test('with numbers that nothing can hold is refused at once', () => {
    const counts = pathsOf(base).filter((path) => {
      const value = path
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], base);
      return (
        Number.isInteger(value) && !path.startsWith('optimizer.') && !path.startsWith('sampling.g')
      );
    });
    expect(counts.length).toBeGreaterThan(15);
    for (const path of counts.filter((each) => !/classDropoutProb|klWeight|Rate/.test(each))) {
      for (const value of [1e10, 1e12, 1e15, Number.MAX_SAFE_INTEGER]) {
        expect(problem([path, value])).toMatch(/: must be at most \d+, got \d+\.$/);
      }
    }
    expect(problem(['model.numClasses', 3e8])).toMatch(/numClasses: must be at most 100000/);
    expect(problem(['diffusion.timesteps', 1e8])).toMatch(/timesteps: must be at most 100000/);
    for (const value of [1e-300, 1e300])
      expect(problem(['latentScale', value])).toMatch(/must be at/);
    expect(problem(['model.hiddenSize', 16_384], ['model.depth', 1000])).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config.json: model: it has more than 3221.2·10⁹ weights, and 1073741824 are the most that fit into memory. Make hiddenSize, depth or numClasses smaller."`,
    );
  });

  test('is quoted in errors shortly, and so that no terminal obeys it', () => {
    const nested: unknown = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));
    expect(problem(['seed', nested])).toBe(
      'FormatError: parseTrainConfig: config.json: seed: expected number, got a list of 1.',
    );
    expect(problem(['seed', { toString: 1, valueOf: 1 }])).toMatch(/got an object\.$/);
    const evil = '\u001b[2J\u009b\u202e';
    for (const text of [problem(['seed', evil]), problem([evil, 1])]) {
      expect(text).toContain(String.raw`\u001b`.slice(0, 2));
      expect(text).not.toMatch(/\p{C}/u);
    }
    expect(problem(['seed', 'x'.repeat(5e6)]).length).toBeLessThan(150);
    expect(problem(['x'.repeat(5e6), 1]).length).toBeLessThan(150);
  });

  test('as text is refused if it is no JSON, or says one thing twice', () => {
    const text = JSON.stringify(base);
    expect(parseConfigText(text, 'config.json')).toEqual(base);
    const twice = [
      text.replace('{', '{"seed": 1, '),
      text.replace('"model":{', '"model":{"de\\u0070th":3,'),
    ];
    expect(twice.map((each) => String(caught(() => parseConfigText(each, 'config.json'))))).toEqual(
      [
        'FormatError: readTrainConfig: config.json: not JSON (the key "seed" stands twice).',
        'FormatError: readTrainConfig: config.json: not JSON (the key "depth" stands twice).',
      ],
    );
    const names = Array.from({ length: 10 }, (_, i) => `{"${i}": "}": {`);
    const braces = { ...base, classNames: names };
    expect(parseConfigText(JSON.stringify(braces), 'config.json')).toEqual(braces);
    const error = String(caught(() => parseConfigText('{\u001b]0;x\u0007', 'config.json')));
    expect(error).toMatch(/^FormatError: readTrainConfig: config\.json: not JSON \(.*\)\.$/);
    expect(error).not.toMatch(/\p{C}/u);
  });

  test('of a model alone is checked the same way', () => {
    expect(parseModelConfig(JSON.parse(JSON.stringify(base.model)))).toEqual(base.model);
    expect(() => parseModelConfig({ ...base.model, patchSize: 5 }, 'model.json')).toThrow(
      'parseModelConfig: model.json: patchSize 5 does not divide inputSize 8.',
    );
  });
});
