// The kinds of work that become one kernel, and the buffers that each of them reads and writes.

import type { DType } from '../../array/dtype.ts';
import type {
  CompositeDeclaration,
  KernelPrimitive,
  Params,
  PointwisePrimitive,
  ReductionPrimitive,
  Region,
} from '../../primitives/primitive.ts';
import { sameShape, sizeOf, type Shape } from '../../array/shape.ts';
import type { Operand } from '../../plan/kernel.ts';
import { isContiguous, reshapeView, type View } from '../../array/view.ts';

/** An operand after movements are folded away: one number everywhere, or a window onto a buffer. */
export type Source =
  { readonly kind: 'uniform'; readonly value: number; readonly dtype: DType } | Window;

/** An operand of a later kernel. */
export interface Window extends Operand {
  readonly kind: 'window';
  /** Whether a separating movement precedes it, so that its reader never fuses with its maker. */
  readonly separate?: true;
}

/**
 * One pointwise application (a copy if there is no primitive). Its result fills a buffer in row-major order.
 */
export interface Atom {
  readonly order: number;
  readonly primitive: PointwisePrimitive | null;
  readonly params: Params;
  readonly args: readonly Source[];
  readonly buffer: number;
  readonly dtype: DType;
}

/** Pointwise work over one iteration space. */
export interface MapBody {
  readonly kind: 'map';
  readonly shape: Shape;
  readonly atoms: readonly Atom[];
}

/** A fold of `arg`, which may be the result of the last atom. */
export interface ReduceBody {
  readonly kind: 'reduce';
  readonly primitive: ReductionPrimitive;
  readonly axes: readonly number[];
  readonly shape: Shape;
  readonly atoms: readonly Atom[];
  readonly arg: Source;
  readonly buffer: number;
  readonly dtype: DType;
}

/** The content of one region of an assembly: pointwise work over the elements of the region. */
export interface Part {
  readonly shape: Shape;
  readonly atoms: readonly Atom[];
  /** The source of the region's elements, which may be the result of the last atom. */
  readonly arg: Source;
  /** The place of the elements in the assembly; they have shape `argShape`. */
  readonly region: Region;
  readonly argShape: Shape;
  /** The region as a view of the assembly's buffer, with the part's own shape. */
  readonly view: View;
}

/** A buffer that is put together from parts; elements that no part covers are 0. */
export interface AssemblyBody {
  readonly kind: 'assembly';
  readonly shape: Shape;
  readonly parts: readonly Part[];
  readonly covers: boolean;
  readonly buffer: number;
  readonly dtype: DType;
}

/** An operation with a kernel of its own. */
export interface CallBody {
  readonly kind: 'call';
  readonly operation: KernelPrimitive | CompositeDeclaration;
  readonly params: Params;
  readonly args: readonly Source[];
  readonly outputs: readonly {
    readonly buffer: number;
    readonly shape: Shape;
    readonly dtype: DType;
  }[];
  /** Pointwise work on the only output, which is stored in its place. */
  readonly epilogue?: { readonly shape: Shape; readonly atoms: readonly Atom[] };
}

/** Work that becomes one kernel (for an assembly: one kernel per region). */
export type Body = MapBody | ReduceBody | AssemblyBody | CallBody;

/** The buffers and sources that a body reads and writes. */
interface Access {
  readonly windows: readonly Window[];
  readonly buffers: readonly number[];
}

/** The accesses of each body, computed once: bodies never change, and the passes ask often. */
const known = new WeakMap<Body, Access>();

function accessOf(body: Body): Access {
  let access = known.get(body);
  if (access === undefined) {
    const atoms = atomsOf(body);
    const results = body.kind === 'call' ? body.outputs : body.kind === 'map' ? [] : [body];
    const buffers = [...atoms, ...results].map(({ buffer }) => buffer);
    const own = new Set(buffers);
    const windows: Window[] = [];
    const read = (arg: Source): void => {
      if (arg.kind === 'window' && !own.has(arg.buffer)) windows.push(arg);
    };
    for (const { args } of atoms) args.forEach(read);
    argsOf(body).forEach(read);
    access = { windows, buffers };
    known.set(body, access);
  }
  return access;
}

/** The windows onto buffers that a body reads but does not write itself. */
export function windowsOf(body: Body): readonly Window[] {
  return accessOf(body).windows;
}

/** The buffers that a body writes. */
export function buffersOf(body: Body): readonly number[] {
  return accessOf(body).buffers;
}

/** The pointwise work of a body. */
function atomsOf(body: Body): readonly Atom[] {
  if (body.kind === 'call') return body.epilogue?.atoms ?? [];
  return body.kind === 'assembly' ? body.parts.flatMap(({ atoms }) => atoms) : body.atoms;
}

/** The sources that a body reads besides the operands of its pointwise work. */
function argsOf(body: Body): readonly Source[] {
  switch (body.kind) {
    case 'map':
      return [];
    case 'reduce':
      return [body.arg];
    case 'assembly':
      return body.parts.map(({ arg }) => arg);
    case 'call':
      return body.args;
  }
}

/** Most atoms of a kernel. Cutting a longer chain costs one more pass over memory; merging stays linear. */
const MAX_ATOMS = 256;

/** Most operands of a kernel: WebAssembly allows a function at most a thousand parameters. */
const MAX_OPERANDS = 900;

/** Whether the work of two bodies is short enough for one kernel. */
export function isShort(first: readonly Atom[], second: readonly Atom[]): boolean {
  if (first.length + second.length > MAX_ATOMS) return false;
  const operands = (sum: number, { args }: Atom): number => sum + args.length + 1;
  return second.reduce(operands, first.reduce(operands, 0)) <= MAX_OPERANDS;
}

/** Whether a window reads its whole buffer of `size` elements in row-major order. */
export function isWhole(view: View, size: number): boolean {
  return view.offset === 0 && sizeOf(view.shape) === size && isContiguous(view);
}

/** The same atoms over another shape of equal size; `null` if some operand's strides cannot follow. */
export function reshapeAtoms(atoms: readonly Atom[], shape: Shape): readonly Atom[] | null {
  const reshaped: Atom[] = [];
  for (const atom of atoms) {
    const args: Source[] = [];
    for (const arg of atom.args) {
      const view =
        arg.kind === 'uniform' || sameShape(arg.view.shape, shape)
          ? null
          : reshapeView(arg.view, shape);
      if (arg.kind === 'uniform' || sameShape(arg.view.shape, shape)) args.push(arg);
      else if (view === null) return null;
      else args.push({ ...arg, view });
    }
    reshaped.push({ ...atom, args });
  }
  return reshaped;
}

/** The body with windows onto other buffers. A call must not have an epilogue yet. */
export function withReads<B extends Body>(body: B, names: ReadonlyMap<number, number>): B;
export function withReads(body: Body, names: ReadonlyMap<number, number>): Body {
  const read = (arg: Source): Source => {
    const buffer = arg.kind === 'window' ? names.get(arg.buffer) : undefined;
    return arg.kind === 'window' && buffer !== undefined ? { ...arg, buffer } : arg;
  };
  const work = (atoms: readonly Atom[]): Atom[] =>
    atoms.map((atom) => ({ ...atom, args: atom.args.map(read) }));
  switch (body.kind) {
    case 'map':
      return { ...body, atoms: work(body.atoms) };
    case 'reduce':
      return { ...body, atoms: work(body.atoms), arg: read(body.arg) };
    case 'assembly': {
      const parts = body.parts.map((part) => ({
        ...part,
        atoms: work(part.atoms),
        arg: read(part.arg),
      }));
      return { ...body, parts };
    }
    case 'call':
      return { ...body, args: body.args.map(read) };
  }
}
