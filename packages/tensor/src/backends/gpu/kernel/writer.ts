// Writes the text of one kernel line by line; an int32 is a pair of floats.

import type { Operand } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { Dispatch, KernelSource } from './dispatch.ts';
import { spread, type Threads } from './threads.ts';
import type { Shape } from '../../../array/shape.ts';

/**
 * An element in the text of a kernel, as names or literals that may be repeated. GPUs hold only floats. So an
 * int32 is two floats, `high · 2¹⁶ + low` with `−2¹⁵ ≤ high < 2¹⁵` and `0 ≤ low < 2¹⁶`, each exact in 24
 * bits.
 */
export type Value =
  | { readonly kind: 'float'; readonly text: string }
  | { readonly kind: 'int'; readonly high: string; readonly low: string };

/** Number of elements of every slot. It says where the low halves of an int32 slot begin. */
export type SlotSizes = readonly number[];

/** Writes the text of one kernel. */
export class KernelWriter {
  readonly #slots: number[] = [];
  readonly #lines: string[] = [];
  readonly #sizes: SlotSizes;
  #names = 0;

  constructor(sizes: SlotSizes) {
    this.#sizes = sizes;
  }

  /** The name of the argument through which the kernel reads a slot. */
  argument(slot: number): string {
    const known = this.#slots.indexOf(slot);
    return `a${known === -1 ? this.#slots.push(slot) - 1 : known}`;
  }

  /** A new name. gpu.js takes a second loop over the same name for a redeclaration. */
  name(letter: string): string {
    return `${letter}${this.#names++}`;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Writes a local with the value of a float expression, and returns its name. */
  local(expression: string): string {
    const name = this.name('v');
    this.line(`const ${name} = ${expression};`);
    return name;
  }

  /** Writes a loop over `0 … count − 1` with a body; the counter is an exact integer. */
  loop(count: number, body: (counter: string) => void): void {
    const counter = this.name('k');
    this.line(`for (let ${counter} = 0; ${counter} < ${count}; ${counter}++) {`);
    body(counter);
    this.line('}');
  }

  /** Writes a read of the operand's element at an offset, which is integer text. */
  load({ buffer, dtype }: Pick<Operand, 'buffer' | 'dtype'>, offset: string): Value {
    const name = this.argument(buffer);
    if (dtype !== 'int32') return { kind: 'float', text: this.local(`${name}[${offset}]`) };
    return {
      kind: 'int',
      high: this.local(`${name}[${offset}]`),
      low: this.local(`${name}[${offset} + ${this.#sizes[buffer]}]`),
    };
  }

  /**
   * The finished kernel.
   *
   * @param result The expression that each thread returns.
   * @param forms Other forms that an engine may run instead of the text.
   */
  finish(
    name: string,
    output: readonly number[],
    result: string,
    writes: number,
    forms: Pick<KernelSource, 'product' | 'entry'> = {},
  ): Dispatch {
    const names = this.#slots.map((_, i) => `a${i}`).join(', ');
    const text = [`function (${names}) {`, ...this.#lines, `return ${result};`, '}'].join('\n');
    const source: KernelSource = { name, text, inputs: this.#slots.length, output, ...forms };
    return { source, reads: this.#slots, writes };
  }
}

/**
 * The threads of a kernel whose results have a dtype. An int32 takes two threads, for its high and low half.
 */
export interface OutputThreads extends Threads {
  /** The text that a thread returns for a value. */
  select(value: Value): string;
}

/** Like {@link spread}, with as many threads as results of `dtype` need. */
export function spreadOutput(shape: Shape, dtype: DType): OutputThreads {
  if (dtype !== 'int32') return { ...spread(shape), select: floatText };
  const { output, indices } = spread([2, ...shape]);
  const [half, ...rest] = indices;
  return {
    output,
    indices: rest,
    select: (value) => `${half} > 0 ? ${intHalves(value).low} : ${intHalves(value).high}`,
  };
}

/** The text of a value that is a single float. */
export function floatText(value: Value): string {
  if (value.kind === 'float') return value.text;
  throw new Error('gpu: an int32 was used as a float.');
}

/** The halves of a value that is an int32. */
export function intHalves(value: Value): { readonly high: string; readonly low: string } {
  if (value.kind === 'int') return value;
  throw new Error('gpu: a float was used as an int32.');
}
