// Kernels that work row by row along an axis, four elements or four rows at a time.

/**
 * Loops over the rows of a tensor, its lines along one axis. A kernel says once, in vectors, what it
 * computes from a row. This runs in either of two ways: on four elements of a row at a time, or on the
 * elements of four neighbouring rows. Which way depends on what lies together in memory.
 */
import type { CallKernel } from '../../../plan/kernel.ts';
import { atMost, byteOffset, times } from '../kernel/addressing.ts';
import type { I32, V128 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { f32x4, i32x4, i8x16, v128 } from '../assembler/simd.ts';
import type { KernelCode, PhaseBody, Routines } from '../kernel/kernel-code.ts';
import {
  loadFour,
  axisLayout,
  storeFour,
  type Place,
  type RowAccess,
  type AxisLayout,
} from './axis-layout.ts';

/** How the terms of a row are combined: their sum, or the largest that is not NaN. */
type Combine = 'sum' | 'peak';

/** An operand and the address of its element at the start of the row. */
interface Stream {
  readonly access: RowAccess;
  readonly base: I32;
}

/**
 * The kernel that calls `visit` for each row along an axis. All inputs have one shape. The outputs have one
 * shape too, which may lack the axis.
 *
 * @param cost Estimated nanoseconds for four elements.
 */
export function axisKernel(
  kernel: CallKernel,
  axis: number,
  cost: number,
  visit: (row: Row) => void,
): KernelCode {
  const layout = axisLayout(kernel, axis);
  return {
    phases: [
      {
        units: layout.units,
        unitCost: 5 + cost * (layout.steps + 1),
        emit: (body) => {
          body.f.for({ from: body.begin, to: body.end }, (unit) => {
            visit(new Row(body, layout, unit));
          });
        },
      },
    ],
  };
}

/**
 * The row at hand, or four rows. What is computed from it is a vector: from one row, the same number in all
 * lanes; from four rows, a number for each.
 */
export class Row {
  readonly f: FunctionBuilder;
  readonly routines: Routines;
  /** Elements of a row. */
  readonly size: number;
  /**
   * Whether other units write some of this unit's outputs as well (the same numbers). Such outputs must not
   * be read back, because another thread may be writing them.
   */
  readonly sharesOutput: boolean;
  readonly #layout: AxisLayout;
  readonly #inputs: readonly Stream[];
  readonly #output: Stream;
  /** The outputs after the first. They lack the axis, as the first does. */
  readonly #more: readonly Stream[];

  constructor({ f, routines, inputs, outputs }: PhaseBody, layout: AxisLayout, unit: Local<'i32'>) {
    this.f = f;
    this.routines = routines;
    this.size = layout.size;
    this.sharesOutput = layout.groups !== null;
    this.#layout = layout;
    const start = startOf(f, layout, unit);
    this.#inputs = layout.inputs.map((access, i) => start(inputs[i], access));
    const [first, ...more] = outputs.map((address) => start(address, layout.output));
    this.#output = first;
    this.#more = more;
  }

  /**
   * Combines terms of the elements of the row.
   *
   * @param ways How each term is combined.
   * @param terms The terms of an element of each input.
   * @param unroll How many vectors are handled together. Each has results of its own until the end.
   * @param keep Whether the first term also becomes the output's element. Default false.
   */
  fold(
    ways: readonly Combine[],
    terms: (x: readonly Local<'v128'>[]) => readonly V128[],
    { unroll, keep = false }: { readonly unroll: number; readonly keep?: boolean },
  ): Local<'v128'>[] {
    const { f } = this;
    const layout = this.#layout;
    const width = Math.max(1, Math.min(unroll, layout.steps));
    const starts = { sum: f32x4.constant(0), peak: f32x4.constant(-Infinity) };
    const partial = Array.from({ length: width }, () =>
      ways.map((way) => f.local('v128', starts[way])),
    );
    const streams = keep ? [...this.#inputs, this.#output] : this.#inputs;
    this.#walk(streams, width, (places, turn, fresh) => {
      const values = terms(this.#load(places)).map((term) => f.keep(term));
      if (keep) f.emit(...storeFour(layout.output, places[this.#inputs.length], values[0]));
      ways.forEach((way, i) => {
        const counts =
          way === 'sum' && fresh < 4 ? v128.and(values[i], lastLanes(fresh)) : values[i];
        f.set(partial[turn][i], combine(way, partial[turn][i], counts));
      });
    });
    return ways.map((way, i) => {
      const all = f.keep(partial.map((each): V128 => each[i]).reduce((a, b) => combine(way, a, b)));
      return layout.groups === null ? this.#acrossLanes(way, all) : all;
    });
  }

  /** Writes an element of the output for each element of the inputs, from which it is computed. */
  write(value: (x: readonly Local<'v128'>[]) => V128): void {
    this.#walk([...this.#inputs, this.#output], 2, (places) => {
      const y = this.f.keep(value(this.#load(places)));
      this.f.emit(...storeFour(this.#layout.output, places[this.#inputs.length], y));
    });
  }

  /** Replaces each element of the output. No other unit may write it: see {@link sharesOutput}. */
  rewrite(value: (y: V128) => V128): void {
    const { f } = this;
    const output = this.#output;
    const replaced = (place: Place): Local<'v128'> => f.keep(value(loadFour(output.access, place)));
    // The last vector overlaps the one before it, so it is read before that one is replaced.
    const tail = this.#layout.tail === 0 ? null : this.#tailOf(output);
    const last = tail === null ? null : replaced(tail);
    this.#walk([output], 4, ([place], _turn, fresh) => {
      const y = fresh < 4 && last !== null ? last : replaced(place);
      f.emit(...storeFour(output.access, place, y));
    });
  }

  /** Writes the single element that an output has for each row. */
  writeOne(value: V128, index = 0): void {
    const { f } = this;
    const layout = this.#layout;
    const output = index === 0 ? this.#output : this.#more[index - 1];
    const kept = f.keep(value);
    if (layout.groups === null) f.emit(v128.store32_lane(output.base, kept, 0));
    else f.emit(...storeFour(output.access, { address: output.base, offset: 0 }, kept));
  }

  #load(places: readonly Place[]): Local<'v128'>[] {
    return this.#inputs.map(({ access }, i) => this.f.keep(loadFour(access, places[i])));
  }

  /**
   * Visits the vectors of the row. `turn` counts from 0 to `unroll − 1` again and again. `fresh` is the
   * number of lanes, the last ones, that no earlier vector had.
   */
  #walk(
    streams: readonly Stream[],
    unroll: number,
    visit: (places: readonly Place[], turn: number, fresh: number) => void,
  ): void {
    const { f } = this;
    const { steps, tail } = this.#layout;
    const pointers = streams.map(({ base }) => f.keep(base));
    const place = (step: number): Place[] =>
      streams.map(({ access }, i) => ({ address: pointers[i], offset: 4 * access.step * step }));
    const turns = Math.floor(steps / unroll);
    f.for({ from: 0, to: turns }, () => {
      for (let turn = 0; turn < unroll; turn++) visit(place(turn), turn, 4);
      streams.forEach(({ access }, i) => {
        if (access.step !== 0) f.increase(pointers[i], 4 * access.step * unroll);
      });
    });
    for (let turn = 0; turn < steps - turns * unroll; turn++) visit(place(turn), turn, 4);
    if (tail > 0) {
      visit(
        streams.map((stream) => this.#tailOf(stream)),
        unroll - 1,
        tail,
      );
    }
  }

  /** Where the last four elements of the row begin. */
  #tailOf({ access, base }: Stream): Place {
    return { address: base, offset: 4 * access.element * (this.size - 4) };
  }

  /** Combines the lanes of a vector. The result is in every lane. */
  #acrossLanes(way: Combine, vector: Local<'v128'>): Local<'v128'> {
    const halves = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
    const neighbours = [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11];
    const pairs = this.f.keep(combine(way, vector, i8x16.shuffle(vector, vector, halves)));
    return this.f.keep(combine(way, pairs, i8x16.shuffle(pairs, pairs, neighbours)));
  }
}

/** A function that gives the stream of an operand from the start of the rows of `unit`. */
function startOf(
  f: FunctionBuilder,
  { groups }: AxisLayout,
  unit: Local<'i32'>,
): (base: I32, access: RowAccess) => Stream {
  if (groups === null) {
    return (base, access) => ({
      access,
      base: f.keep(i32.add(base, byteOffset(f, unit, access.rest, 4))),
    });
  }
  const line = f.keep(i32.div_u(unit, i32.const(groups.count)));
  const next = f.keep(i32.shl(i32.rem_u(unit, i32.const(groups.count)), i32.const(2)));
  const first = f.keep(atMost(next, groups.last));
  return (base, access) => {
    const start = i32.add(base, byteOffset(f, line, access.rest, 4));
    return { access, base: f.keep(i32.add(start, times(first, 4 * access.lane))) };
  };
}

function combine(way: Combine, a: V128, b: V128): V128 {
  return way === 'sum' ? f32x4.add(a, b) : f32x4.pmax(a, b);
}

/** A mask of the last `count` lanes. */
function lastLanes(count: number): V128 {
  const lane = (i: number): number => (i >= 4 - count ? -1 : 0);
  return i32x4.const(lane(0), lane(1), lane(2), lane(3));
}
