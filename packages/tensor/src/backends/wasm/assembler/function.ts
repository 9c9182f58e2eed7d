// Writes the body of one WebAssembly function: variables, loops, branches and calls.

import {
  CodeBytes,
  flatten,
  sized,
  TYPE_CODES,
  unsigned,
  vector,
  type Code,
  type I32,
  type Statement,
  type Value,
  type ValueType,
  type VectorConstant,
} from './code.ts';
import { i32 } from './instructions.ts';

/** A variable of a function. Used as a value, it reads the variable. */
export interface Local<T extends ValueType> extends Value<T> {
  readonly index: number;
}

/** The place that a branch leads to: the start of a loop or the end of a block. */
export interface Label {
  readonly depth: number;
}

/** Types of parameters and of the result of a function. */
export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly result: ValueType | null;
}

/** A function of a module: its index there, and its signature. */
export interface FunctionReference {
  readonly index: number;
  readonly signature: Signature;
}

/**
 * Writes the body of one function, statement after statement.
 *
 * @example
 * const f = new FunctionBuilder({ parameters: ['i32'], result: 'i32' });
 * f.for({ from: 0, to: f.parameter('i32', 0) }, () => f.unreachable());
 * f.return(f.parameter('i32', 0)); // prose: gives its argument, if that is 0
 * f.signature.result; // 'i32'
 */
export class FunctionBuilder {
  readonly signature: Signature;
  readonly #locals: ValueType[] = [];
  readonly #code = new CodeBytes((constant) => this.#constant(constant));
  /** Sets the variables that hold constant vectors. */
  readonly #start = new CodeBytes();
  readonly #constants = new Map<string, Local<'v128'>>();
  #depth = 0;
  readonly #forgets: boolean;
  /** The loops that are open, and the vectors that each keeps within a turn. */
  readonly #loops: { readonly depth: number; readonly kept: Local<'v128'>[] }[] = [];
  /** A vector that is never set: 0. */
  #zero: Local<'v128'> | undefined;

  /**
   * @param options `forgets`: kept vectors are set to 0 at the end of each turn of a loop. V8 packs two
   * vector operations into one of 256 bits only if it sees that their results are not read in the next turn.
   * Default: false.
   */
  constructor(signature: Signature, { forgets = false }: { readonly forgets?: boolean } = {}) {
    this.signature = signature;
    this.#forgets = forgets;
  }

  /** Parameter `index`, which must have this type. */
  parameter<T extends ValueType>(type: T, index: number): Local<T> {
    if (this.signature.parameters[index] !== type) {
      throw new Error(`assembler: parameter ${index} is no ${type}.`);
    }
    return localAt(type, index);
  }

  /**
   * A new variable. It is 0 at first, or `initial`, which is set here. A vector that is set here in a loop
   * may be read only in the same turn, not in the next one and not behind the loop.
   */
  local<T extends ValueType>(type: T, initial?: Value<T>): Local<T> {
    const index = this.signature.parameters.length + this.#locals.length;
    this.#locals.push(type);
    const local = localAt(type, index);
    if (initial !== undefined) {
      this.set(local, initial);
      if (isVector(local)) for (const { kept } of this.#loops) kept.push(local);
    }
    return local;
  }

  /** Computes `value` once, here. The variable can then be used any number of times. */
  keep<T extends ValueType>(value: Value<T>): Local<T> {
    return this.local(value.type, value);
  }

  emit(...statements: readonly Statement[]): void {
    for (const { code } of statements) this.#code.write(code);
  }

  set<T extends ValueType>(local: Local<T>, value: Value<T>): void {
    this.#code.write([value.code, 0x21, unsigned(local.index)]);
  }

  /** `local += amount` */
  increase(local: Local<'i32'>, amount: I32 | number): void {
    this.set(local, i32.add(local, typeof amount === 'number' ? i32.const(amount) : amount));
  }

  /** A block. A branch to its label jumps to its end. */
  block(body: (label: Label) => void): void {
    this.#structure(0x02, body);
  }

  /** A loop. A branch to its label starts the next turn; code that runs past its end leaves it. */
  loop(body: (label: Label) => void): void {
    this.#loops.push({ depth: this.#depth + 1, kept: [] });
    this.#structure(0x03, body);
    this.#loops.pop();
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#code.write(condition.code);
    this.#code.write([0x04, 0x40]);
    this.#depth++;
    then();
    if (otherwise !== undefined) {
      this.#code.write([0x05]);
      otherwise();
    }
    this.#depth--;
    this.#code.write([0x0b]);
  }

  branch(label: Label): void {
    this.#code.write([this.#forgetting(label), 0x0c, unsigned(this.#depth - label.depth)]);
  }

  branchIf(condition: I32, label: Label): void {
    const forgetting = this.#forgetting(label);
    this.#code.write([condition.code, forgetting, 0x0d, unsigned(this.#depth - label.depth)]);
  }

  return(value?: Value<ValueType>): void {
    this.#code.write([value === undefined ? [] : value.code, 0x0f]);
  }

  /** Traps. For code that can never be reached. */
  unreachable(): void {
    this.#code.write([0x00]);
  }

  /** Calls a function that has no result. */
  call(callee: FunctionReference, ...args: readonly Value<ValueType>[]): void {
    if (callee.signature.result !== null) throw new Error('assembler: a result is not used.');
    this.#code.write(callCode(callee, args));
  }

  /**
   * Counts `i` from `from` up to `to` (exclusive) in steps of `step`, and tests before each turn. All three
   * are unsigned.
   */
  for(
    range: { readonly from: I32 | number; readonly to: I32 | number; readonly step?: I32 | number },
    body: (i: Local<'i32'>) => void,
  ): void {
    const number = (x: I32 | number): I32 => (typeof x === 'number' ? i32.const(x) : x);
    const i = this.local('i32', number(range.from));
    this.while(
      () => i32.lt_u(i, number(range.to)),
      () => {
        body(i);
        this.increase(i, range.step ?? 1);
      },
    );
  }

  /**
   * Repeats `body` while the condition holds. The condition is written twice: before the loop, and at its
   * end.
   */
  while(condition: () => I32, body: () => void): void {
    this.if(condition(), () => {
      this.loop((again) => {
        body();
        this.branchIf(condition(), again);
      });
    });
  }

  /** The bytes of the function in the code section. */
  encode(): Uint8Array {
    if (this.#depth !== 0) throw new Error('assembler: a block is still open.');
    const [start, body] = [this.#start.finish(), this.#code.finish()];
    return flatten(sized([this.#declarations(), start, body, 0x0b]));
  }

  /**
   * Reads a constant vector from a variable that is set once, at the start of the function, because V8 does
   * not move constants out of loops and makes three or four instructions of each.
   */
  #constant({ bytes }: VectorConstant): Code {
    const key = bytes.join();
    let local = this.#constants.get(key);
    if (local === undefined) {
      local = this.local('v128');
      this.#constants.set(key, local);
      this.#start.write([0xfd, 0x0c, bytes, 0x21, unsigned(local.index)]);
    }
    return local.code;
  }

  /** The declarations of the variables: runs of one type, each with its length. */
  #declarations(): Code {
    const runs: { readonly type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    return vector(runs.map(({ type, count }) => [unsigned(count), TYPE_CODES[type]]));
  }

  /** Code that forgets what a loop has kept, if a branch to the label starts its next turn. */
  #forgetting({ depth }: Label): Code {
    const loop = this.#forgets ? this.#loops.find((each) => each.depth === depth) : undefined;
    if (loop === undefined || loop.kept.length === 0) return [];
    const zero = (this.#zero ??= this.local('v128'));
    return loop.kept.map(({ index }) => [zero.code, 0x21, unsigned(index)]);
  }

  #structure(opcode: number, body: (label: Label) => void): void {
    this.#code.write([opcode, 0x40]);
    this.#depth++;
    body({ depth: this.#depth });
    this.#depth--;
    this.#code.write([0x0b]);
  }
}

/** The result of a call, as a value. */
export function callResult<T extends ValueType>(
  type: T,
  callee: FunctionReference,
  ...args: readonly Value<ValueType>[]
): Value<T> {
  if (callee.signature.result !== type) throw new Error(`assembler: the result is no ${type}.`);
  return { type, code: callCode(callee, args) };
}

function callCode(
  { index, signature }: FunctionReference,
  args: readonly Value<ValueType>[],
): Code {
  const fits =
    args.length === signature.parameters.length &&
    args.every(({ type }, i) => type === signature.parameters[i]);
  if (!fits) throw new Error('assembler: the arguments do not fit the parameters.');
  return [args.map(({ code }) => code), 0x10, unsigned(index)];
}

function isVector(local: Local<ValueType>): local is Local<'v128'> {
  return local.type === 'v128';
}

function localAt<T extends ValueType>(type: T, index: number): Local<T> {
  return { type, index, code: [0x20, unsigned(index)] };
}
