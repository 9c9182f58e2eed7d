// Turns a sum of padded pieces into one output that each piece writes its part of.

import type { DType } from '../../array/dtype.ts';
import type { Region } from '../../primitives/primitive.ts';
import { sameShape, sizeOf, type Shape } from '../../array/shape.ts';
import { contiguousView, reshapeView, sliceView } from '../../array/view.ts';
import type { Group, GroupGraph } from './group-graph.ts';
import {
  buffersOf,
  isShort,
  isWhole,
  reshapeAtoms,
  type AssemblyBody,
  type Atom,
  type Part,
  type Source,
  type Window,
} from './group.ts';

/** A sum of more parts than this becomes several assemblies, so that merging stays linear in their number. */
const MAX_PARTS = 256;

/** The part of an assembly of shape `whole` that copies `arg` into a region. */
export function partOf(arg: Source, argShape: Shape, region: Region, whole: Shape): Part {
  const view = sliceView(contiguousView(whole), region.starts, argShape, region.steps);
  return { shape: argShape, atoms: [], arg, region, argShape, view };
}

/**
 * Turns a sum of assemblies into one assembly if their regions do not meet. So the gradients of slices of one
 * tensor are written side by side, instead of being padded with zeros and added.
 *
 * The merged assembly still adds one 0 to each part, because −0 + 0 is 0; further zeros change nothing.
 *
 * @param temporary Makes a buffer.
 */
export function mergeAssemblies(
  graph: GroupGraph,
  temporary: (dtype: DType, size: number) => number,
): void {
  for (const group of graph.inProgramOrder()) {
    const { body } = group;
    if (body.kind !== 'map' || body.atoms.length !== 1) continue;
    const [sum] = body.atoms;
    const { primitive, args } = sum;
    // Only addition has 0 as its neutral operand on both sides.
    if (primitive === null || !primitive.commutative || primitive.rightIdentity !== 0) continue;
    const makers = args.map((arg) => wholeAssembly(graph, group, arg, body.shape));
    const [first, second] = makers;
    if (first === null || second === null || first.group === second.group) continue;
    if (first.body.parts.length + second.body.parts.length > MAX_PARTS) continue;
    if (!areDisjoint(first.body.parts, second.body.parts)) continue;
    const parts = [...first.body.parts, ...second.body.parts];
    const size = sizeOf(body.shape);
    const merged: AssemblyBody = {
      kind: 'assembly',
      shape: body.shape,
      parts: parts.map((part) => plusZero(part, sum, temporary(sum.dtype, sizeOf(part.shape)))),
      covers: parts.reduce((count, part) => count + sizeOf(part.shape), 0) === size,
      buffer: sum.buffer,
      dtype: sum.dtype,
    };
    graph.replace(group, merged, [first.group, second.group]);
  }
}

/** The assembly whose whole result is `arg`; `null` if it is none, or if others than `group` read it too. */
function wholeAssembly(
  graph: GroupGraph,
  group: Group,
  arg: Source,
  shape: Shape,
): { readonly group: Group; readonly body: AssemblyBody } | null {
  if (arg.kind === 'uniform' || arg.separate === true) return null;
  const maker = graph.makerOf(arg.buffer);
  if (maker?.body.kind !== 'assembly' || !graph.isOnlyReader(group, maker)) return null;
  const { body } = maker;
  const isSame = isWhole(arg.view, graph.sizeOfBuffer(arg.buffer)) && sameShape(body.shape, shape);
  return isSame ? { group: maker, body } : null;
}

/** Whether the bounding boxes of the regions of two assemblies are disjoint. */
function areDisjoint(first: readonly Part[], second: readonly Part[]): boolean {
  return first.every((a) => second.every((b) => keepApart(a, b)));
}

function keepApart(a: Part, b: Part): boolean {
  const last = ({ region, argShape }: Part, axis: number): number =>
    region.starts[axis] + (argShape[axis] - 1) * region.steps[axis];
  return a.argShape.some(
    (_, axis) => last(a, axis) < b.region.starts[axis] || last(b, axis) < a.region.starts[axis],
  );
}

/** The part with one 0 added to its elements, no matter in how many sums it was. */
function plusZero(part: Part, { order, primitive, params, dtype }: Atom, buffer: number): Part {
  const last = part.atoms.at(-1);
  const isAdded =
    last !== undefined &&
    last.primitive === primitive &&
    last.args.some((arg) => arg.kind === 'uniform' && arg.value === 0) &&
    part.arg.kind === 'window' &&
    part.arg.buffer === last.buffer;
  if (isAdded) return part;
  const zero: Source = { kind: 'uniform', value: 0, dtype };
  const atom: Atom = { order, primitive, params, args: [part.arg, zero], buffer, dtype };
  const arg: Source = { kind: 'window', buffer, dtype, view: contiguousView(part.shape) };
  return { ...part, atoms: [...part.atoms, atom], arg };
}

/** Moves a map into a part of an assembly if that part alone reads the map's results. */
export function fuseIntoAssemblies(graph: GroupGraph): void {
  for (const group of graph.inProgramOrder()) {
    if (group.body.kind === 'assembly') fuseParts(graph, group, group.body);
  }
}

function fuseParts(graph: GroupGraph, group: Group, body: AssemblyBody): void {
  /** Number of parts that read each buffer. */
  const uses = new Map<number, number>();
  const count = (part: Part, change: 1 | -1): void => {
    for (const buffer of new Set(partWindows(part).map((window) => window.buffer))) {
      uses.set(buffer, (uses.get(buffer) ?? 0) + change);
    }
  };
  for (const part of body.parts) count(part, 1);
  const absorbed = new Set<Group>();
  const isOwn = (maker: Group): boolean =>
    graph.isOnlyReader(group, maker, absorbed) &&
    buffersOf(maker.body).every((buffer) => (uses.get(buffer) ?? 0) <= 1);
  const parts = body.parts.map((part) => {
    let whole = part;
    for (
      let found = absorbInto(graph, whole, isOwn);
      found !== null;
      found = absorbInto(graph, whole, isOwn)
    ) {
      absorbed.add(found.maker);
      count(whole, -1);
      whole = found.part;
      count(whole, 1);
    }
    return whole;
  });
  if (absorbed.size > 0) graph.replace(group, { ...body, parts }, [...absorbed]);
}

/** The part with the work of a map that it alone reads; `null` if no such map fits. */
function absorbInto(
  graph: GroupGraph,
  part: Part,
  isOwn: (maker: Group) => boolean,
): { readonly maker: Group; readonly part: Part } | null {
  const windows = partWindows(part);
  for (const { buffer, view, separate } of windows) {
    const maker = graph.makerOf(buffer);
    if (maker?.body.kind !== 'map' || separate === true) continue;
    const { atoms, shape } = maker.body;
    const own = new Set(buffersOf(maker.body));
    const fits =
      isWhole(view, graph.sizeOfBuffer(buffer)) &&
      sizeOf(shape) === sizeOf(part.shape) &&
      isShort(atoms, part.atoms) &&
      isOwn(maker) &&
      windows.every(
        (window) =>
          !own.has(window.buffer) || isWhole(window.view, graph.sizeOfBuffer(window.buffer)),
      );
    const joined = fits ? joinMap(part, atoms, shape) : null;
    if (joined !== null) return { maker, part: joined };
  }
  return null;
}

/**
 * The part with the work of a map before its own, over the shape of one of the two; `null` if neither fits.
 */
function joinMap(part: Part, atoms: readonly Atom[], shape: Shape): Part | null {
  const view = reshapeView(part.view, shape);
  const own = view === null ? null : reshapeAtoms(part.atoms, shape);
  if (view !== null && own !== null) return { ...part, shape, view, atoms: [...atoms, ...own] };
  const reshaped = reshapeAtoms(atoms, part.shape);
  return reshaped === null ? null : { ...part, atoms: [...reshaped, ...part.atoms] };
}

/** The windows onto buffers that a part reads but does not compute itself. */
function partWindows({ atoms, arg }: Part): readonly Window[] {
  const own = new Set(atoms.map(({ buffer }) => buffer));
  return [...atoms.flatMap(({ args }) => args), arg].filter(
    (source): source is Window => source.kind === 'window' && !own.has(source.buffer),
  );
}
