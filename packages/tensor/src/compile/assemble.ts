import type { DType } from '../dtype.ts';
import type { Region } from '../primitives/primitive.ts';
import { sameShape, sizeOf, type Shape } from '../shape.ts';
import { contiguousView, reshapeView, sliceView } from '../view.ts';
import type { Group, GroupGraph } from './group-graph.ts';
import {
  isWhole,
  reshapeAtoms,
  type AssemblyBody,
  type Atom,
  type Part,
  type Source,
  type Window,
} from './group.ts';

/** The part of an assembly of shape `whole` that copies `arg` into a region. */
export function partOf(arg: Source, argShape: Shape, region: Region, whole: Shape): Part {
  const view = sliceView(contiguousView(whole), region.starts, argShape, region.steps);
  return { shape: argShape, atoms: [], arg, region, argShape, view };
}

/**
 * Makes sums of assemblies whose regions do not meet one assembly: the gradients of slices of one
 * tensor land in it side by side, instead of being added up among zeros.
 *
 * Each part adds the 0 that the others have there, which only −0 can tell, and a second 0 nothing can.
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
    // Adding is what has 0 as its neutral operand on both sides.
    if (primitive === null || !primitive.commutative || primitive.rightIdentity !== 0) continue;
    const makers = args.map((arg) => wholeAssembly(graph, group, arg, body.shape));
    const [first, second] = makers;
    if (first === null || second === null || first.group === second.group) continue;
    const parts = [...first.body.parts, ...second.body.parts];
    if (!areDisjoint(parts)) continue;
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

/** The assembly whose whole result `arg` is, if nobody but `group` reads it. */
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

/** Whether the boxes around the regions of all parts keep apart. */
function areDisjoint(parts: readonly Part[]): boolean {
  return parts.every((a, i) => parts.slice(i + 1).every((b) => keepApart(a, b)));
}

function keepApart(a: Part, b: Part): boolean {
  const last = ({ region, argShape }: Part, axis: number): number =>
    region.starts[axis] + (argShape[axis] - 1) * region.steps[axis];
  return a.argShape.some(
    (_, axis) => last(a, axis) < b.region.starts[axis] || last(b, axis) < a.region.starts[axis],
  );
}

/** The part with one 0 added to what lands there, however many sums it was part of. */
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

/** Moves every map whose results one part of an assembly alone reads into that part. */
export function fuseIntoAssemblies(graph: GroupGraph): void {
  for (const group of graph.inProgramOrder()) {
    for (let i = 0; group.body.kind === 'assembly' && i < group.body.parts.length; i++) {
      while (absorbInto(graph, group, group.body, i)) continue;
    }
  }
}

function absorbInto(graph: GroupGraph, group: Group, body: AssemblyBody, index: number): boolean {
  const part = body.parts[index];
  for (const { buffer, view, separate } of partWindows(part)) {
    const maker = graph.makerOf(buffer);
    if (maker?.body.kind !== 'map' || maker === group || separate === true) continue;
    const { atoms, shape } = maker.body;
    const fits =
      graph.isOnlyReader(group, maker) &&
      isWhole(view, graph.sizeOfBuffer(buffer)) &&
      sizeOf(shape) === sizeOf(part.shape) &&
      body.parts.every((other, i) => i === index || !reads(other, atoms)) &&
      partWindows(part).every(
        (window) => !isOf(window, atoms) || isWhole(window.view, graph.sizeOfBuffer(window.buffer)),
      );
    if (!fits) continue;
    const joined = joinMap(part, atoms, shape);
    if (joined === null) continue;
    const parts = body.parts.map((other, i) => (i === index ? joined : other));
    graph.replace(group, { ...body, parts }, [maker]);
    return true;
  }
  return false;
}

/** The part with the work of a map before its own, over the shape of either. */
function joinMap(part: Part, atoms: readonly Atom[], shape: Shape): Part | null {
  const view = reshapeView(part.view, shape);
  const own = view === null ? null : reshapeAtoms(part.atoms, shape);
  if (view !== null && own !== null) return { ...part, shape, view, atoms: [...atoms, ...own] };
  const reshaped = reshapeAtoms(atoms, part.shape);
  return reshaped === null ? null : { ...part, atoms: [...reshaped, ...part.atoms] };
}

function partWindows({ atoms, arg }: Part): readonly Window[] {
  const sources = [...atoms.flatMap(({ args }) => args), arg];
  return sources.filter(
    (source): source is Window => source.kind === 'window' && !isOf(source, atoms),
  );
}

function reads(part: Part, atoms: readonly Atom[]): boolean {
  return partWindows(part).some((window) => isOf(window, atoms));
}

function isOf({ buffer }: Window, atoms: readonly Atom[]): boolean {
  return atoms.some((atom) => atom.buffer === buffer);
}
