// Saves and loads the weights of a run, as safetensors files or those of PyTorch, also of more than 2 GiB.

import { open, type FileHandle } from 'node:fs/promises';
import {
  checkOptions,
  FormatError,
  openSafetensors,
  ValueError,
  type EncodeSafetensorsOptions,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import type { Module } from '@tessera/autograd/nn';
import { checkText } from '../config/argument-check.ts';
import { encodeModule } from '../model/weights/encode-weights.ts';
import { finiteTensor, fitModule } from '../model/weights/decode-weights.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { fileErrorCode, nameFile } from './file-error.ts';
import { readPart } from './file-part.ts';
import { withTorchFile } from './torch/torch-file.ts';

/**
 * Writes every tensor of a module, buffers included.
 *
 * @param metadata texts to keep with them
 * @param options `floats: 'F16'` writes half precision, in half the bytes, as `encodeModule` of `@tessera/dit` does
 * @throws ValueError if the file cannot be written; FormatError for a weight that half precision cannot hold
 * @example
 * const linear = new Linear(2, 3, { key: key(0) });
 * await saveModule('linear.safetensors', linear, { note: 'untrained' });
 * await saveModule('half.safetensors', linear, {}, { floats: 'F16' });
 */
export async function saveModule(
  path: string,
  module: Module,
  metadata: Readonly<Record<string, string>> = {},
  options: EncodeSafetensorsOptions = {},
): Promise<void> {
  checkText('saveModule', 'path', path);
  checkOptions('saveModule', options, ['floats']);
  await writeFileAtomic(path, await encodeModule(module, metadata, options));
}

/** Reads the bytes of a file of weights. It may have more than the 2 GiB that `readFile` reads. */
export async function readWeights(path: string): Promise<Uint8Array> {
  return withFile(path, (file, size) => readPart(file, 0, size));
}

/** Opens a file, calls `use` and closes it. */
async function withFile<T>(
  path: string,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await use(file, (await file.stat()).size);
  } catch (error) {
    throw fileErrorCode(error) === 'ENOENT'
      ? new ValueError('loadModule', `${path} does not exist. Train the run to its end first.`)
      : nameFile('loadModule', path, 'read', error);
  } finally {
    await file?.close();
  }
}

/** Options of {@link loadModule}. */
export interface LoadModuleOptions {
  /** Called with one sentence if elements of another type were converted. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Reads a file that {@link saveModule} wrote, tensor by tensor. It may be larger than 2 GiB. A file of `torch.save` with
 * a dictionary of tensors is read too, or with one under the name ema, model or state_dict, as in the checkpoints of the
 * official code. Nothing in it is executed.
 *
 * @param module has the structure, the names and the shapes of the weights
 * @returns a new module of that structure with the file's tensors
 * @throws ValueError if there is no such file; FormatError if it is damaged or of another module
 * @example
 * const trained = new Linear(2, 3, { key: key(0) });
 * await saveModule('trained.safetensors', trained);
 * const { weight } = await loadModule('trained.safetensors', new Linear(2, 3, { key: key(1) }));
 * weight.equal(trained.weight).min(); // true
 */
export async function loadModule<M extends Module>(
  path: string,
  module: M,
  options: LoadModuleOptions = {},
): Promise<M> {
  checkText('loadModule', 'path', path);
  checkOptions('loadModule', options, ['onNotice']);
  const { onNotice } = options;
  const use = async ({ names, converted, read }: NamedTensors): Promise<M> => {
    if (converted.size > 0) {
      const types = [...new Set(converted.values())].join(', ');
      onNotice?.(`${path}: ${converted.size} tensors are converted from ${types}.`);
    }
    const tensors = new Map<string, Tensor>();
    for (const name of names) tensors.set(name, finiteTensor(name, await read(name), path));
    return fitModule(module, tensors, path);
  };
  if (await isTorchFile(path)) {
    return withTorchFile(path, ({ tensors, converted, read }) =>
      use({ names: [...tensors.keys()], converted, read }),
    );
  }
  return withFile(path, async (handle, size) => {
    const part = (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
      readPart(handle, offset, length);
    const { records, converted, read } = await openSafetensors(part, size, path);
    return use({ names: [...records.keys()], converted, read });
  });
}

/** The tensors of a file, whatever its format. */
interface NamedTensors {
  readonly names: readonly string[];
  /** The types of those that are read as another type. */
  readonly converted: ReadonlyMap<string, string>;
  read(name: string): Promise<SafetensorsEntry>;
}

/** Whether a file begins as one of `torch.save` does. Throws a FormatError for its older form. */
async function isTorchFile(path: string): Promise<boolean> {
  const first = await withFile(path, (file) => readPart(file, 0, 4));
  const begins = (...bytes: readonly number[]): boolean =>
    bytes.every((byte, i) => first[i] === byte);
  if (!begins(0x80, 0x02, 0x8a)) return begins(0x50, 0x4b, 0x03, 0x04);
  throw new FormatError(
    'loadModule',
    `${path} was saved by PyTorch before 1.6, or without its archive. Save it again by torch.save of a newer one.`,
  );
}
