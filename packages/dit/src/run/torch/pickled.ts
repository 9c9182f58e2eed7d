// What a pickle of torch.save may hold: tensors and their storages, numbers, texts, and collections of them.

import { excerpt } from '@tessera/tensor';

/** The types of elements that PyTorch stores, by the names that safetensors has for them. */
export const STORAGE_TYPES = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
} as const;

/** One of the types of {@link STORAGE_TYPES}. */
export type StoredType = (typeof STORAGE_TYPES)[keyof typeof STORAGE_TYPES];

/** Elements one behind the other in a file of their own. */
export interface Storage {
  readonly kind: 'storage';
  readonly type: StoredType;
  /** The name of the file. */
  readonly key: string;
  /** Number of elements. */
  readonly count: number;
}

/** A tensor: where its elements lie in a storage. */
export interface StoredTensor {
  readonly kind: 'tensor';
  readonly storage: Storage;
  /** The place of the first element. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one to the next along each axis. */
  readonly strides: readonly number[];
}

/** A name in a pickle: what would be called or looked up elsewhere. Here it says what the arguments make. */
export interface Named {
  readonly kind: 'name';
  readonly name: string;
  readonly makes: 'dictionary' | 'tensor' | 'parameter' | StoredType;
}

/** What is no plain value and no collection. */
type Thing = Storage | StoredTensor | Named;

/** Whether a value is a storage, a tensor or a name. */
export function isThing<K extends Thing['kind']>(
  value: unknown,
  kind: K,
): value is Extract<Thing, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** What a pickle holds. Tuples are lists; dictionaries, and objects without methods, are maps. */
export type Pickled =
  null | boolean | number | string | readonly Pickled[] | Map<Pickled, Pickled> | Thing;

/** The names that a pickle may use. */
export const NAMES: ReadonlyMap<string, Named['makes']> = new Map<string, Named['makes']>([
  ['collections.OrderedDict', 'dictionary'],
  ['argparse.Namespace', 'dictionary'],
  ['torch._utils._rebuild_tensor_v2', 'tensor'],
  ['torch._utils._rebuild_parameter', 'parameter'],
  ...Object.entries(STORAGE_TYPES).map(([name, type]) => [`torch.${name}`, type] as const),
]);

/** The storage that a description stands for, `('storage', type, key, device, count)`; `undefined` for anything else. */
export function storageOf(given: Pickled): Storage | undefined {
  if (!isList(given)) return undefined;
  const [word, named, key, , count] = given;
  if (word !== 'storage' || !isThing(named, 'name')) return undefined;
  const type = Object.values(STORAGE_TYPES).find((each) => each === named.makes);
  if (type === undefined || typeof key !== 'string' || !isCount(count)) return undefined;
  return { kind: 'storage', type, key, count };
}

/** What a name makes of arguments; `undefined` unless they are those that torch.save gives it. */
export function madeOf({ makes }: Named, given: readonly Pickled[]): Pickled | undefined {
  if (makes === 'dictionary') return given.length === 0 ? new Map() : undefined;
  const [first, offset, shape, strides] = given;
  if (makes === 'parameter') return isThing(first, 'tensor') ? first : undefined;
  if (makes !== 'tensor' || !isThing(first, 'storage')) return undefined;
  if (!isCount(offset) || !areCounts(shape) || !areCounts(strides)) return undefined;
  return shape.length === strides.length
    ? { kind: 'tensor', storage: first, offset, shape, strides }
    : undefined;
}

/** Whether a value is a list, or a tuple. */
export function isList(value: unknown): value is readonly Pickled[] {
  return Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Most axes of a tensor, as in safetensors. */
const MOST_AXES = 64;

function areCounts(value: unknown): value is readonly number[] {
  return isList(value) && value.length <= MOST_AXES && value.every(isCount);
}

/** A key as messages show it. */
export function keyText(key: Pickled): string {
  return typeof key === 'string' || typeof key === 'number'
    ? excerpt(String(key))
    : 'that is no text';
}
