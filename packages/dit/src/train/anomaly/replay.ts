// Replays a training step from its file, operation by operation.

import { AnomalyError, detectAnomaly, type Anomaly } from '@tessera/autograd/debug';
import {
  AxisError,
  checkOptions,
  DTypeError,
  FormatError,
  key,
  ShapeError,
  Tensor,
  ValueError,
} from '@tessera/tensor';
import { Autoencoder } from '../../autoencoder/autoencoder.ts';
import { checkChoice, checkText } from '../../config/argument-check.ts';
import { BACKENDS, type BackendName } from '../../config/choices.ts';
import { readAnomalyFile, type StepPlace, type StoredStep } from '../../run/anomaly-file.ts';
import { withBackend } from '../../run/backends.ts';
import { withHistory, type DiffusionBatch } from '../diffusion-loss.ts';
import { readBase } from '../from-run/base.ts';
import { initialState, trainStep, type TrainState, type TrainStep } from '../step.ts';
import { autoencoderTraining } from '../stages/autoencoder-stage.ts';
import { withTrainee } from '../stages/trainee.ts';

/** The options of {@link replayStep}. */
export interface ReplayOptions {
  /** Where to compute. Default: the backend of the run. */
  readonly backend?: BackendName;
}

/** What a step did when it was replayed. */
export interface ReplayedStep extends StepPlace {
  readonly backend: BackendName;
  /** The first operation that made a value that is not finite; `null` if all results are finite now. */
  readonly anomaly: Anomaly | null;
  /** The loss, if it is finite. */
  readonly loss: number | null;
  /** The norm of the gradient before clipping, if it is finite. */
  readonly gradNorm: number | null;
}

/**
 * Replays the step that a training wrote into `anomaly.safetensors` when its loss, its gradient or its weights were
 * no longer finite. It computes operation by operation from the state before the step.
 *
 * @param path The file. What a run of `--from` needs of its base is read from there.
 * @throws ValueError if the file cannot be read, FormatError if it is damaged or another file
 * @example
 * // not run: needs a training that diverged
 * const { anomaly } = await replayStep('runs/mnist/anomaly.safetensors', { backend: 'cpu' });
 * console.log(anomaly?.operation);
 */
export async function replayStep(path: string, options: ReplayOptions = {}): Promise<ReplayedStep> {
  checkText('replay', 'path', path);
  checkOptions('replay', options, ['backend']);
  const stored = await readAnomalyFile(path);
  const { stage, step, config, indices } = stored;
  const { backend = config.backend } = options;
  checkChoice('replay', 'backend', backend, BACKENDS);
  return withBackend(backend, async () => {
    const outcome = await (stage === 'autoencoder'
      ? replayAutoencoder(stored, path)
      : replayDiffusion(stored, path));
    return { stage, step, config, indices, backend, ...outcome };
  });
}

/** What {@link replayStep} finds out. */
type Outcome = Pick<ReplayedStep, 'anomaly' | 'loss' | 'gradNorm'>;

function replayAutoencoder(stored: StoredStep, path: string): Promise<Outcome> {
  const { config } = stored;
  const { autoencoder } = config;
  if (autoencoder === undefined) {
    throw new FormatError(
      'replay',
      `${path} holds a step of an autoencoder, and its run has none.`,
    );
  }
  const batch = stored.batch();
  if (!(batch instanceof Tensor)) {
    throw new FormatError('replay', `${path}: the batch is not the images of an autoencoder.`);
  }
  const { loss, settings, steps } = autoencoderTraining(autoencoder, config);
  const blank = initialState(Autoencoder.blank(autoencoder), key(0));
  const step = trainStep(loss, settings, steps);
  return checked(step, stored.state(blank), batch, path);
}

async function replayDiffusion(stored: StoredStep, path: string): Promise<Outcome> {
  const { config } = stored;
  const base = await readBase(config);
  const { latentScale: scale = 1 } = config;
  return withTrainee(config, scale, key(0), base?.model, ({ start, loss }) => {
    const { optimizer, steps, accumulate = 1 } = config;
    const like = withHistory(initialState(start, key(0), optimizer), config);
    const step = trainStep(loss, optimizer, steps, { accumulate });
    return checked(step, stored.state(like), stored.batch() as DiffusionBatch, path);
  });
}

/** Errors of the model about what it is given. */
const MISFITS = [ShapeError, AxisError, DTypeError, ValueError];

/** Takes a step in checked mode. Throws a FormatError if the batch does not fit the model. */
async function checked<M, B>(
  step: TrainStep<M, B>,
  state: TrainState<M>,
  batch: B,
  path: string,
): Promise<Outcome> {
  try {
    const [, { loss, gradNorm }] = await detectAnomaly(step)(state, batch);
    return { anomaly: null, loss: await loss.item(), gradNorm: await gradNorm.item() };
  } catch (error) {
    if (MISFITS.some((kind) => error instanceof kind)) {
      const problem = (error as Error).message;
      throw new FormatError('replay', `${path}: the batch does not fit the model: ${problem}`);
    }
    if (!(error instanceof AnomalyError)) throw error;
    return { anomaly: error.anomaly, loss: null, gradNorm: null };
  }
}
