// Reads the pickles of torch.save. Names are compared with a list, and nothing is looked up or called.

import { FormatError } from '@tessera/tensor';
import { isList, isThing, keyText, madeOf, NAMES, storageOf, type Pickled } from './pickled.ts';

/**
 * Reads a pickle of the protocols 2 to 5: the operations that torch.save writes, and the names that tensors need.
 *
 * Source: the comments of Python's module pickletools, which say what each operation does.
 *
 * @param label the name of the file in errors
 * @throws FormatError that names the byte, if the bytes are no such pickle, or use another operation or name
 */
export function readPickle(bytes: Uint8Array, label: string): Pickled {
  const machine = new Machine(bytes, label);
  for (;;) {
    const code = machine.begin();
    if (code === STOP) return machine.pop();
    const operation = OPERATIONS.get(code);
    if (operation === undefined) {
      throw machine.error(`the operation 0x${code.toString(16)} is none of those of torch.save`);
    }
    operation(machine);
  }
}

/** Where a list of items begins on the stack. */
const MARK = Symbol('mark');

/** The bytes, the stack and the memo of a pickle. */
class Machine {
  readonly #bytes: Uint8Array;
  readonly #label: string;
  readonly #stack: (Pickled | typeof MARK)[] = [];
  readonly #memo = new Map<number, Pickled>();
  /** The next byte. */
  #at = 0;
  /** The byte of the operation that is being read. */
  #start = 0;

  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes;
    this.#label = label;
  }

  /** Begins an operation: its code. */
  begin(): number {
    this.#start = this.#at;
    return this.number(1);
  }

  error(problem: string): FormatError {
    return new FormatError(
      'loadModule',
      `${this.#label}: byte ${this.#start}: ${problem}. Expected what torch.save writes of a dictionary of tensors.`,
    );
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.error('the pickle is truncated');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** An unsigned number, little-endian. */
  number(length: 1 | 2 | 4): number {
    return this.take(length).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** A signed number, little-endian. */
  signed(length: number): number {
    const bits = this.take(length).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
    const value = Number(BigInt.asIntN(8 * length, bits));
    if (Number.isSafeInteger(value)) return value;
    throw this.error(`the number ${value} is too large`);
  }

  float(): number {
    const { buffer, byteOffset } = this.take(8);
    return new DataView(buffer, byteOffset).getFloat64(0);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw this.error('a text is not UTF-8');
    }
  }

  /** A text up to the end of a line. */
  line(): string {
    const end = this.#bytes.indexOf(NEW_LINE, this.#at);
    if (end === -1) throw this.error('the pickle is truncated');
    const text = this.text(end - this.#at);
    this.take(1);
    return text;
  }

  push(value: Pickled): void {
    this.#stack.push(value);
  }

  pop(): Pickled {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw this.error('a value is missing');
    return value;
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** The values above the last mark. */
  items(): Pickled[] {
    const from = this.#stack.lastIndexOf(MARK);
    if (from === -1) throw this.error('a list of items has no beginning');
    return this.#stack.splice(from).slice(1) as Pickled[];
  }

  remember(index: number = this.#memo.size): void {
    const value = this.pop();
    this.#memo.set(index, value);
    this.push(value);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.error(`the value ${index} is not known yet`);
    this.push(value);
  }

  name(module: Pickled, name: Pickled): void {
    const whole = `${keyText(module)}.${keyText(name)}`;
    const makes = NAMES.get(whole);
    if (makes === undefined) throw this.error(`the name ${whole} is none that tensors need`);
    this.push({ kind: 'name', name: whole, makes });
  }

  /** Makes what a name stands for. */
  make(): void {
    const given = this.pop();
    const named = this.pop();
    if (!isThing(named, 'name') || !isList(given)) throw this.error('arguments have no name');
    const made = madeOf(named, given);
    if (made === undefined)
      throw this.error(`${named.name} has other arguments than torch.save gives it`);
    this.push(made);
  }

  storage(): void {
    const storage = storageOf(this.pop());
    if (storage === undefined) throw this.error('a storage is not described as torch.save does');
    this.push(storage);
  }

  /** Puts keys and values in turn into the dictionary below them. */
  fill(items: readonly Pickled[]): void {
    const map = this.#stack.at(-1);
    if (!(map instanceof Map)) throw this.error('keys and values belong to no dictionary');
    if (items.length % 2 === 1) throw this.error('a key has no value');
    for (let i = 0; i < items.length; i += 2) {
      if (map.has(items[i])) throw this.error(`the key ${keyText(items[i])} comes twice`);
      map.set(items[i], items[i + 1]);
    }
  }

  /** Puts items behind those of the list below them. */
  extend(items: readonly Pickled[]): void {
    const list = this.#stack.at(-1);
    if (!isList(list)) throw this.error('items belong to no list');
    for (const item of items) (list as Pickled[]).push(item);
  }

  /** Leaves out the attributes of an object, such as the versions of modules. */
  leaveAttributes(): void {
    this.pop();
    if (!(this.#stack.at(-1) instanceof Map)) throw this.error('attributes belong to no object');
  }
}

const NEW_LINE = 0x0a;
const STOP = 0x2e;

/** `count` values from the stack as a tuple. */
function tuple(machine: Machine, count: number): void {
  machine.push(Array.from({ length: count }, () => machine.pop()).reverse());
}

/** What the operations do, by their codes. */
const OPERATIONS: ReadonlyMap<number, (machine: Machine) => void> = new Map<
  number,
  (machine: Machine) => void
>([
  // The protocol and the length of a frame say nothing that is needed.
  [0x80, (m) => void m.take(1)],
  [0x95, (m) => void m.take(8)],
  // Values.
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x4a, (m) => m.push(m.signed(4))],
  [0x4b, (m) => m.push(m.number(1))],
  [0x4d, (m) => m.push(m.number(2))],
  [0x8a, (m) => m.push(m.signed(m.number(1)))],
  [0x47, (m) => m.push(m.float())],
  [0x58, (m) => m.push(m.text(m.number(4)))],
  [0x8c, (m) => m.push(m.text(m.number(1)))],
  // Collections.
  [0x28, (m) => m.mark()],
  [0x29, (m) => m.push([])],
  [0x5d, (m) => m.push([])],
  [0x7d, (m) => m.push(new Map())],
  [0x74, (m) => m.push(m.items())],
  [0x85, (m) => tuple(m, 1)],
  [0x86, (m) => tuple(m, 2)],
  [0x87, (m) => tuple(m, 3)],
  [0x61, (m) => m.extend([m.pop()])],
  [0x65, (m) => m.extend(m.items())],
  [0x73, (m) => m.fill([m.pop(), m.pop()].reverse())],
  [0x75, (m) => m.fill(m.items())],
  // What came before.
  [0x71, (m) => m.remember(m.number(1))],
  [0x72, (m) => m.remember(m.number(4))],
  [0x94, (m) => m.remember()],
  [0x68, (m) => m.recall(m.number(1))],
  [0x6a, (m) => m.recall(m.number(4))],
  // Names, and what they make.
  [0x63, (m) => m.name(m.line(), m.line())],
  [
    0x93,
    (m) => {
      const name = m.pop();
      m.name(m.pop(), name);
    },
  ],
  [0x52, (m) => m.make()],
  [0x81, (m) => m.make()],
  [0x62, (m) => m.leaveAttributes()],
  [0x51, (m) => m.storage()],
]);
