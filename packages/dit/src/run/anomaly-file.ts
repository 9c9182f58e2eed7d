// The file of a training step that went wrong: the state before it, its batch, and what they belong to.

import {
  decodeSafetensors,
  encodeSafetensors,
  excerpt,
  FormatError,
  parseJson,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import * as v from 'valibot';
import { STAGES, type TrainStage } from '../config/choices.ts';
import { parseConfigText, type TrainConfig } from '../config/config.ts';
import { parseSchema } from '../config/schema.ts';
import { readEntries } from '../model/weights/encode-weights.ts';
import { fitModule } from '../model/weights/decode-weights.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { readWeights } from './checkpoint.ts';

/** Where a step belongs. */
export interface StepPlace {
  readonly stage: TrainStage;
  /** Its number in the stage, from 1. */
  readonly step: number;
  readonly config: TrainConfig;
  /** The images of its batch, by their places in the training set. */
  readonly indices: readonly number[];
}

/** A step that was read from a file. */
export interface StoredStep extends StepPlace {
  /**
   * The state before the step.
   *
   * @param like has its structure
   * @throws FormatError if the file holds another one
   */
  state<T>(like: T): T;
  /** The batch: a tensor, or records of tensors. */
  batch(): unknown;
}

/** What the metadata of every file say. */
const FORMAT = { format: 'tessera-anomaly', version: '1' } as const;

const schema = v.object({
  format: v.literal(FORMAT.format),
  version: v.literal(FORMAT.version),
  stage: v.picklist(STAGES),
  step: v.pipe(v.string(), v.digits(), v.transform(Number)),
  config: v.string(),
  indices: v.string(),
});

const indicesSchema = v.array(v.pipe(v.number(), v.integer(), v.minValue(0)));

/** The names of tensors in the file begin so. */
const [STATE, BATCH] = ['state', 'batch'];

/** Writes the file of a step. */
export async function writeAnomalyFile(
  path: string,
  { stage, step, config, indices }: StepPlace,
  state: unknown,
  batch: unknown,
): Promise<void> {
  const entries = await readEntries({ [STATE]: state, [BATCH]: batch });
  const bytes = encodeSafetensors(entries, {
    ...FORMAT,
    stage,
    step: String(step),
    config: JSON.stringify(config),
    indices: JSON.stringify(indices),
  });
  await writeFileAtomic(path, bytes);
}

/**
 * Reads the file of a step.
 *
 * @throws ValueError if it cannot be read, FormatError if it is damaged or another file
 */
export async function readAnomalyFile(path: string): Promise<StoredStep> {
  const { tensors: entries, metadata } = decodeSafetensors(await readWeights(path), path);
  if (metadata['format'] !== FORMAT.format) {
    throw new FormatError(
      'replay',
      `${path} is no file of a training step that went wrong. Name the anomaly.safetensors of a run.`,
    );
  }
  const { stage, step, config, indices } = parseSchema('replay', schema, metadata, path);
  // Tensors are made when they are asked for, on the backend of that time.
  const startingWith = (start: string): Map<string, Tensor> =>
    new Map(
      [...entries]
        .filter(([name]) => name === start || name.startsWith(`${start}.`))
        .map(([name, { dtype, shape, data }]) => [name, tensor(data, { dtype, shape })] as const),
    );
  return {
    stage,
    step,
    config: parseConfigText(config, path),
    indices: parseSchema('replay', indicesSchema, parseJson(indices, 'replay', `${path}:`), path),
    state: (like) => fitModule({ [STATE]: like }, startingWith(STATE), path)[STATE],
    batch: () => grown(startingWith(BATCH), path)[BATCH],
  };
}

/** The records that paths lead through. */
function grown(tensors: ReadonlyMap<string, Tensor>, source: string): Record<string, unknown> {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [path, leaf] of tensors) {
    const names = path.split('.');
    let at = root;
    const last = names.pop() ?? '';
    for (const name of names) {
      const inner = (at[name] ??= Object.create(null)) as Record<string, unknown>;
      if (!isRecord(inner)) throw clash(path, source);
      at = inner;
    }
    if (at[last] !== undefined) throw clash(path, source);
    at[last] = leaf;
  }
  return root;
}

function clash(path: string, source: string): FormatError {
  return new FormatError('replay', `${source}: two tensors stand at ${excerpt(path)}.`);
}

function isRecord(value: object): boolean {
  return Object.getPrototypeOf(value) === null;
}
