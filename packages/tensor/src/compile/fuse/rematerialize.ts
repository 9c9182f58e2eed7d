// Computes cheap results again where they are read, instead of keeping them in memory.

import { sizeOf } from '../../array/shape.ts';
import type { Group, GroupGraph } from './group-graph.ts';
import {
  isShort,
  isWhole,
  reshapeAtoms,
  type Atom,
  type Body,
  type MapBody,
  type ReduceBody,
} from './group.ts';

/** A result that more kernels than this read is kept: each of them would have to compute it again. */
const MOST_READERS = 2;

/** An operand this many times smaller than a result may stay in memory until the result is computed again. */
const SMALL = 8;

/** A map whose results other groups read. */
export type Maker = Group & { body: MapBody };

/** A group that can compute a result again for itself. */
type Reader = Group & { body: MapBody | ReduceBody };

/**
 * Computes cheap results again where they are read, instead of keeping them in memory. The backward pass then
 * gets only those results of a forward map that cannot be computed elementwise from the others. For GELU that
 * is only its input, not its square and sigmoid.
 *
 * A result is dropped if every reader reads it element by element, and if its operands are at hand: results
 * that the reader or a later kernel reads anyway, inputs of the program, or small operands.
 *
 * Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", section 3, for the idea.
 */
export function rematerialize(graph: GroupGraph): void {
  const groups = graph.inProgramOrder();
  for (const group of groups) {
    if (!isMap(group) || group.body.atoms.length < 2) continue;
    for (const atom of group.body.atoms.toReversed()) dropResult(graph, group, atom);
    prune(graph, group);
  }
}

/** Removes the atoms of a map that no group needs, so that the map no longer reads their operands. */
export function prune(graph: GroupGraph, maker: Maker): void {
  const needed = new Set<number>();
  const atoms = maker.body.atoms.toReversed().filter((atom) => {
    if (!needed.has(atom.buffer) && !isKept(graph, atom)) return false;
    for (const arg of atom.args) if (arg.kind === 'window') needed.add(arg.buffer);
    return true;
  });
  if (atoms.length === 0) graph.remove(maker);
  else if (atoms.length < maker.body.atoms.length) {
    graph.replace(maker, { ...maker.body, atoms: atoms.reverse() });
  }
}

/** Lets the readers of a result compute it themselves, if all of them can. */
function dropResult(graph: GroupGraph, maker: Maker, atom: Atom): void {
  const { size } = graph.readersOf(atom.buffer);
  if (atom.primitive === null || graph.isOutput(atom.buffer)) return;
  if (size === 0 || size > MOST_READERS) return;
  const readers = [...graph.readersOf(atom.buffer)];
  const recipe = recipeOf(graph, maker, atom.buffer);
  const able = readers.every(
    (reader) =>
      isReader(reader) &&
      readsElementwise(graph, reader.body, atom) &&
      recipe.leaves.every((leaf) => isAtHand(graph, leaf, reader, sizeOf(maker.body.shape))),
  );
  if (!able) return;
  const copies = readers.map((reader) => withRecipe(reader as Reader, recipe.atoms));
  if (copies.some((copy) => copy === null)) return;
  readers.forEach((reader, i) => {
    graph.replace(reader, copies[i] as Body);
  });
}

/** The atoms that compute a result from kept results, in order, and the buffers that they read. */
export function recipeOf(
  graph: GroupGraph,
  { body }: Maker,
  result: number,
): { readonly atoms: readonly Atom[]; readonly leaves: readonly number[] } {
  const atoms: Atom[] = [];
  const leaves = new Set([result]);
  for (const atom of body.atoms.toReversed()) {
    if (!leaves.has(atom.buffer) || (atom.buffer !== result && isKept(graph, atom))) continue;
    leaves.delete(atom.buffer);
    atoms.push(atom);
    for (const arg of atom.args) if (arg.kind === 'window') leaves.add(arg.buffer);
  }
  return { atoms: atoms.reverse(), leaves: [...leaves] };
}

/** Whether a result lies in memory, because another group reads it or the program returns it. */
function isKept(graph: GroupGraph, { buffer }: Atom): boolean {
  return graph.isOutput(buffer) || graph.readersOf(buffer).size > 0;
}

/** Whether a group is a map. */
export function isMap(group: Group): group is Maker {
  return group.body.kind === 'map';
}

function isReader(group: Group): group is Reader {
  return group.body.kind === 'map' || group.body.kind === 'reduce';
}

function readsElementwise(graph: GroupGraph, body: MapBody | ReduceBody, atom: Atom): boolean {
  const sources = [
    ...body.atoms.flatMap(({ args }) => args),
    ...(body.kind === 'reduce' ? [body.arg] : []),
  ];
  return sources.every(
    (source) =>
      source.kind === 'uniform' ||
      source.buffer !== atom.buffer ||
      (source.separate !== true && isWhole(source.view, graph.sizeOfBuffer(source.buffer))),
  );
}

/** Whether a buffer is in memory when `reader` runs, or is small enough to be kept until then. */
export function isAtHand(graph: GroupGraph, buffer: number, reader: Group, size: number): boolean {
  if (graph.makerOf(buffer) === undefined || graph.isOutput(buffer)) return true;
  if (graph.sizeOfBuffer(buffer) * SMALL <= size) return true;
  return graph.lastRead(buffer) >= reader.order;
}

/**
 * The body of a reader with the atoms of a recipe before its own; `null` if their strides do not fit its
 * shape.
 */
export function withRecipe({ body }: Reader, recipe: readonly Atom[]): Body | null {
  const known = new Set(body.atoms.map(({ buffer }) => buffer));
  const missing = recipe.filter(({ buffer }) => !known.has(buffer));
  if (!isShort(missing, body.atoms)) return null;
  const atoms = reshapeAtoms(missing, body.shape);
  if (atoms === null) return null;
  return { ...body, atoms: [...atoms, ...body.atoms].sort((a, b) => a.order - b.order) };
}
