// A saved state as one safetensors file: tensors, the place in the run, and a checksum over all of it.

import {
  decodeSafetensors,
  excerpt,
  FormatError,
  parseJson,
  tensor,
  ValueError,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import * as v from 'valibot';
import { STAGES, type TrainStage } from '../../config/choices.ts';
import { parseConfigText, type TrainConfig } from '../../config/config.ts';
import { parseSchema } from '../../config/schema.ts';
import { readEntries } from '../../model/weights/encode-weights.ts';
import { fitModule } from '../../model/weights/decode-weights.ts';
import { encodeSealed, isWhole } from '../integrity/seal.ts';

/** The place of a training in its run, and what it depends on. */
export interface StatePlace {
  readonly stage: TrainStage;
  /** Steps that the stage has taken. */
  readonly step: number;
  /** Bytes of the log up to this step. */
  readonly log: number;
  /** The configuration that the run trains by. */
  readonly config: TrainConfig;
  /** Hashes of what a run reads and does not keep. */
  readonly sources: Sources;
}

/** Hashes of what a run reads and does not keep: the same bits follow from the same sources only. */
export interface Sources {
  readonly data: string;
  /** The trained run that this one starts from. */
  readonly base?: string;
}

/** A state that was read. */
export interface SavedState extends StatePlace {
  readonly path: string;
  /**
   * A copy of a tree with the tensors that were saved under a name. They are given once, so that they do not stay in
   * memory.
   *
   * @throws FormatError if the tree is another one
   */
  take<T>(name: string, tree: T): T;
}

/** The format of the file. It changes when an older Tessera could not read the file any more. */
const FORMAT = { format: 'tessera-state', version: '1' } as const;

const count = v.pipe(v.string(), v.digits(), v.transform(Number));

/** What a file says of its place. */
const placeSchema = v.object({
  stage: v.picklist(STAGES),
  step: count,
  log: count,
  config: v.string(),
  sources: v.string(),
});

const sourcesSchema: v.GenericSchema<unknown, Sources> = v.strictObject({
  data: v.string(),
  base: v.exactOptional(v.string()),
});

/**
 * Writes trees of tensors, under a name each, and their place as the bytes of a file. All tensors are read out when
 * the promise resolves, so that a step may write over them.
 */
export async function encodeState(
  { stage, step, log, config, sources }: StatePlace,
  trees: Readonly<Record<string, unknown>>,
): Promise<Uint8Array> {
  return encodeSealed(await readEntries(trees), {
    ...FORMAT,
    stage,
    step: String(step),
    log: String(log),
    config: JSON.stringify(config),
    sources: JSON.stringify(sources),
  });
}

/**
 * Reads what {@link encodeState} wrote.
 *
 * @param path the name of the file in errors
 * @throws FormatError if the file is damaged, or holds numbers that are not finite; ValueError if a later Tessera
 *   wrote it
 */
export function decodeState(bytes: Uint8Array, path: string): SavedState {
  if (!isWhole(bytes)) {
    throw new FormatError('train', `${path} is damaged: its checksum is another one.`);
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const { format, version } = metadata;
  if (format !== FORMAT.format || version !== FORMAT.version) {
    throw new ValueError(
      'train',
      `${path} has the format ${excerpt(`${format} ${version}`)}, but this Tessera reads ${FORMAT.format} ${FORMAT.version}. Go on with the Tessera that saved it.`,
    );
  }
  const { config, sources, ...place } = parseSchema('train', placeSchema, metadata, path);
  checkFinite(tensors, path);
  const left = new Map(tensors);
  return {
    ...place,
    path,
    config: parseConfigText(config, path),
    sources: parseSchema('train', sourcesSchema, parseJson(sources, 'train', `${path}:`), path),
    take: (name, tree) => fitModule(tree, taken(left, `${name}.`), path),
  };
}

/** Throws a FormatError unless all numbers are finite: a training that goes on from others is lost. */
function checkFinite(tensors: ReadonlyMap<string, SafetensorsEntry>, path: string): void {
  for (const [name, { data }] of tensors) {
    for (const value of data) {
      if (Number.isFinite(value)) continue;
      throw new FormatError('train', `${path} is of no use: "${excerpt(name)}" holds ${value}.`);
    }
  }
}

/** Takes the tensors whose names begin so out of a map. */
function taken(entries: Map<string, SafetensorsEntry>, start: string): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data }] of entries) {
    if (!name.startsWith(start)) continue;
    found.set(name.slice(start.length), tensor(data, { dtype, shape }));
    entries.delete(name);
  }
  return found;
}
