// The rules between settings of the diffusion: what goes with which objective and which sampler.

import { isFlowObjective, samplersOf } from './choices.ts';
import type { TrainConfig } from './config.ts';
import { MAP_GUIDANCE, type DiffusionConfig, type SamplingConfig } from './diffusion-config.ts';
import type { ModelConfig } from './model-config.ts';

/** Says which rule of a training's diffusion is broken first; `undefined` if all hold. */
export function diffusionProblem({
  diffusion,
  model,
  batch,
}: Pick<TrainConfig, 'diffusion' | 'model' | 'batch'>): string | undefined {
  const { objective, timestepSampling = 'uniform', shift = 1, weighting = 'none' } = diffusion;
  if (diffusion.gamma !== undefined && weighting !== 'min-snr') {
    return `diffusion.gamma ${diffusion.gamma} belongs to the weighting min-snr, but the weighting is ${weighting}`;
  }
  if (timestepSampling === 'loss-second-moment' && shift !== 1) {
    return `diffusion.shift ${shift} has no place beside the timestepSampling loss-second-moment. Leave it out`;
  }
  return isFlowObjective(objective)
    ? flowProblem(diffusion, model.learnSigma, batch)
    : scheduleProblem(diffusion, model.learnSigma);
}

function flowProblem(
  { zeroTerminalSnr, variance, compat, contrastive = 0 }: DiffusionConfig,
  learnSigma: boolean,
  batch: number,
): string | undefined {
  if (learnSigma) {
    return 'model.learnSigma is true, but a step of a flow has no variance to learn. Set it to false';
  }
  const [alien] = Object.entries({ zeroTerminalSnr, variance, compat }).find(
    ([, value]) => value !== undefined,
  ) ?? [undefined];
  if (alien !== undefined) {
    return `diffusion.${alien} belongs to noise schedules, and a flow has none. Leave it out`;
  }
  if (contrastive > 0 && batch < 2) {
    return `diffusion.contrastive ${contrastive} compares samples of a batch, but batch is ${batch}`;
  }
  return undefined;
}

function scheduleProblem(
  { objective, zeroTerminalSnr, variance, compat, contrastive = 0 }: DiffusionConfig,
  learnSigma: boolean,
): string | undefined {
  if (contrastive > 0) {
    return `diffusion.contrastive ${contrastive} belongs to the objective flow, but the objective is ${objective}`;
  }
  if (objective === 'eps' && zeroTerminalSnr === true) {
    return 'diffusion.zeroTerminalSnr leaves no signal at the last timestep, where the objective eps says nothing of the data. Use v or xStart';
  }
  if (learnSigma && variance !== undefined) {
    return `diffusion.variance ${variance} is fixed, but model.learnSigma is true. Leave one of them out`;
  }
  if (!learnSigma && compat !== undefined) {
    return `diffusion.compat ${compat} is about the bound, which only model.learnSigma trains. Leave it out`;
  }
  return undefined;
}

/** Says that a run names no trained one to start from and needs one; else `undefined`. */
export function startProblem({
  diffusion: { objective },
  model,
  from,
}: Pick<TrainConfig, 'diffusion' | 'model' | 'from'>): string | undefined {
  if (objective === 'mean-flow') {
    return from === undefined
      ? 'the objective mean-flow follows the flow of another run, but from names none. Name its folder'
      : undefined;
  }
  const branch = model.conditions?.find(({ kind }) => kind === 'control');
  if (branch !== undefined && from === undefined) {
    return `the branch '${branch.name}' is trained on the model of another run, but from names none. Name its folder: --control ${branch.name} --from FOLDER`;
  }
  return undefined;
}

/** Says which rule of a flow map's training is broken first, also by settings that only it has; else `undefined`. */
export function flowMapProblem({
  diffusion,
  model,
}: Pick<TrainConfig, 'diffusion' | 'model'>): string | undefined {
  const { objective, guidance, instantShare, contrastive = 0, weighting = 'none' } = diffusion;
  const { decoderDepth } = model;
  if (objective !== 'mean-flow') {
    const own = { 'model.decoderDepth': decoderDepth };
    const ofDiffusion = { 'diffusion.guidance': guidance, 'diffusion.instantShare': instantShare };
    const [alien] = Object.entries({ ...own, ...ofDiffusion }).filter(
      ([, value]) => value !== undefined,
    );
    return alien === undefined
      ? undefined
      : `${alien[0]} ${alien[1]} belongs to the objective mean-flow, but the objective is ${objective}. Leave it out`;
  }
  if (decoderDepth === undefined) {
    return 'the objective mean-flow needs blocks that hear the end of a step. Set model.decoderDepth';
  }
  if (contrastive > 0) {
    return `diffusion.contrastive ${contrastive} belongs to the objective flow: a flow map follows a trained one. Leave it out`;
  }
  if (weighting !== 'none') {
    return `diffusion.weighting ${weighting} does not go with the objective mean-flow, whose loss weighs its errors. Leave it out`;
  }
  if (diffusion.timestepSampling === 'loss-second-moment') {
    return 'diffusion.timestepSampling loss-second-moment draws single timesteps, and a flow map takes two. Use uniform or logit-normal';
  }
  if ((guidance ?? MAP_GUIDANCE) !== 1 && model.numClasses > 0 && model.classDropoutProb === 0) {
    return `diffusion.guidance ${guidance ?? MAP_GUIDANCE} needs a null class, and a model with classDropoutProb 0 has none. Set it to 1`;
  }
  return undefined;
}

/** Says that a flow map cannot be guided when it is sampled, if it is to be; else `undefined`. */
function mapGuidanceProblem(
  {
    guidance,
    guidanceInterval,
    guidanceRescale = 0,
  }: Pick<SamplingConfig, 'guidance' | 'guidanceInterval' | 'guidanceRescale'>,
  { objective, guidance: trained = MAP_GUIDANCE }: Pick<DiffusionConfig, 'objective' | 'guidance'>,
): string | undefined {
  if (objective !== 'mean-flow') return undefined;
  const [asked] = [
    ...(guidance !== 1 ? [`guidance ${guidance}`] : []),
    ...(guidanceInterval !== undefined
      ? [`guidanceInterval [${guidanceInterval.join(', ')}]`]
      : []),
    ...(guidanceRescale > 0 ? [`guidanceRescale ${guidanceRescale}`] : []),
  ];
  return asked === undefined
    ? undefined
    : `sampling.${asked} is too late for a flow map, which was trained with guidance ${trained}. Leave it out, or train another map with diffusion.guidance`;
}

/** Says which rule between sampling and diffusion is broken first; `undefined` if all hold. */
export function samplingProblem(
  sampling: SamplingConfig,
  diffusion: DiffusionConfig,
): string | undefined {
  const { steps, sampler, eta, spacing, guidanceInterval } = sampling;
  const { objective, timesteps } = diffusion;
  if (steps > timesteps) {
    return `sampling.steps ${steps} is more than the ${timesteps} timesteps of the diffusion`;
  }
  const known = samplersOf(objective);
  if (!known.includes(sampler)) {
    return `sampling.sampler ${sampler} does not go with the objective ${objective}. Use ${known.join(', ')}`;
  }
  if (eta !== undefined && sampler !== 'ddim') {
    return `sampling.eta ${eta} belongs to the sampler ddim, but the sampler is ${sampler}`;
  }
  if (spacing !== undefined && isFlowObjective(objective)) {
    return `sampling.spacing ${spacing} chooses timesteps of a noise schedule, and a flow has none. Set diffusion.shift`;
  }
  const guided = mapGuidanceProblem(sampling, diffusion);
  if (guided !== undefined) {
    return guided;
  }
  if (guidanceInterval !== undefined && guidanceInterval[0] > guidanceInterval[1]) {
    return `sampling.guidanceInterval [${guidanceInterval.join(', ')}] ends before it begins`;
  }
  if (guidanceInterval !== undefined && guidanceInterval[0] > timesteps) {
    return `sampling.guidanceInterval [${guidanceInterval.join(', ')}] begins after the ${timesteps} timesteps of the diffusion`;
  }
  if (guidanceInterval !== undefined && guidanceInterval[1] > timesteps) {
    return `sampling.guidanceInterval [${guidanceInterval.join(', ')}] ends after the ${timesteps} timesteps of the diffusion. End it at ${timesteps}`;
  }
  return undefined;
}

/** Says which rule between guidance and the conditions of a model is broken first; `undefined` if all hold. */
export function guidanceProblem(
  sampling: SamplingConfig,
  { conditions = [], numClasses }: ModelConfig,
): string | undefined {
  const { guidanceRescale = 0, compat } = sampling;
  if (conditions.length === 0) return nothingToGuide(sampling, { numClasses });
  const names = conditions.map(({ name }) => name).join(', ');
  if (guidanceRescale > 0) {
    return `sampling.guidanceRescale ${guidanceRescale} goes with guidance by the label alone, but the model has the conditions ${names}. Leave it out`;
  }
  if (compat === 'official') {
    return `sampling.compat official goes with guidance by the label alone, but the model has the conditions ${names}. Leave it out`;
  }
  return undefined;
}

/** Says that a model which knows nothing cannot be guided, if it is to be; else `undefined`. */
export function nothingToGuide(
  { guidance }: SamplingConfig,
  { conditions = [], numClasses }: Pick<ModelConfig, 'conditions' | 'numClasses'>,
): string | undefined {
  if (guidance === 1 || numClasses + conditions.length > 0) return undefined;
  return `sampling.guidance ${guidance} has nothing to guide by, since the model knows no condition. Set it to 1`;
}
