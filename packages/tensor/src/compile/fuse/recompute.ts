// Computes a result a second time where it is read long after, if it would lie in memory at the peak.

import { BYTES_PER_ELEMENT } from '../../array/dtype.ts';
import type { Fuser } from './fuse.ts';
import type { Group } from './group-graph.ts';
import { buffersOf, withReads, type Atom } from './group.ts';
import { isAtHand, isMap, prune, recipeOf, withRecipe, type Maker } from './rematerialize.ts';

/** Bytes that lie in the cache of a processor. */
const SMALLEST_PEAK = 4 * 2 ** 20;

/** The smallest part of the peak that is worth one more kernel. */
const SMALLEST_PART = 1 / 256;

/** A second computation joins a map, or reads another second result, that is at most so many groups away. */
const NEAR = 16;

/** How often the memory in use is counted anew. */
const ROUNDS = 4;

/** The most results that are tried in a round: each takes time in proportion to the program. */
const MOST_TRIES = 1024;

/**
 * A pass for `compile(f, { passes: [recomputeAtPeak] })`: computes pointwise results a second time for those who
 * read them long after the others. In between, they take no memory. The backward pass reads many such results
 * of the forward pass: the output of an activation, for the gradient of the next weights, or a modulated norm.
 * Their operands are kept anyway. Results are the same, bit for bit.
 *
 * As long as the peak, the moment at which most memory is in use, lies between two reads of such a result,
 * the result that would lie there unread for longest goes. Its second computation joins a map that computes a
 * part of it anyway: for GELU, the map that computes the derivative.
 *
 * Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", section 3, for the idea.
 *
 * @param smallest Programs that need fewer bytes than this at once stay as they are. Default 4 MiB: they lie in
 *   the cache of a processor.
 * @example
 * const loss = (w: Tensor, x: Tensor) => gelu(x.matmul(w)).matmul(w.transpose()).square().mean();
 * const step = compile(grad(loss), { passes: [recomputeAtPeak] });
 * step(eye(3), ones([2, 3])); // float32[3, 3]
 */
export function recomputeAtPeak(work: Fuser, smallest: number = SMALLEST_PEAK): void {
  for (let round = 0; round < ROUNDS && relievePeak(work, smallest); round++);
}

/** The groups in order, and where each stands. */
interface Line {
  readonly groups: readonly Group[];
  readonly positions: ReadonlyMap<Group, number>;
}

/** A pointwise result, and the longest time for which it lies unread. */
interface Gap {
  readonly maker: Maker;
  readonly buffer: number;
  readonly bytes: number;
  /** The positions of the last group that uses it before, and of the first after. */
  readonly from: number;
  readonly to: number;
}

/** A second result, and where it is needed. */
interface Copy {
  readonly buffer: number;
  readonly at: number;
}

/** Computes results again until the peak is somewhere else. Returns whether there were any. */
function relievePeak(work: Fuser, smallest: number): boolean {
  const groups = work.graph.inOrder();
  const line = { groups, positions: new Map(groups.map((group, at) => [group, at])) };
  const used = bytesInUse(work, line);
  const benefit = ({ bytes, from, to }: Gap): number => bytes * (to - from);
  const gaps = new Set(gapsOf(work, line).sort((a, b) => benefit(b) - benefit(a)));
  const copies = new Map<number, Copy>();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const peak = peakOf(used);
    const least = Math.max(SMALLEST_PART * used[peak], 1);
    const gap = [...gaps].find(({ bytes, from, to }) => bytes >= least && from < peak && peak < to);
    if (gap === undefined || used[peak] < smallest) break;
    gaps.delete(gap);
    if (!recompute(work, line, gap, copies)) continue;
    for (let at = gap.from + 1; at < gap.to; at++) used[at] -= gap.bytes;
  }
  return copies.size > 0;
}

/** The bytes of results in use at each position. */
function bytesInUse(work: Fuser, line: Line): Float64Array {
  const { graph } = work;
  const used = new Float64Array(line.groups.length + 1);
  line.groups.forEach(({ body }, position) => {
    for (const buffer of buffersOf(body)) {
      const last = usesOf(work, line, buffer).reduce((a, b) => Math.max(a, b), -1);
      if (last === -1 || graph.isOutput(buffer)) continue;
      // A map writes over what it is the last to read.
      const end = line.groups[last].body.kind === 'map' ? last : last + 1;
      used[position] += bytesOf(work, buffer);
      used[end] -= bytesOf(work, buffer);
    }
  });
  let bytes = 0;
  return used.map((change) => (bytes += change));
}

/** The first position at which most memory is in use. */
function peakOf(used: Float64Array): number {
  return used.reduce((peak, bytes, at) => (bytes > used[peak] ? at : peak), 0);
}

function bytesOf({ buffers }: Fuser, buffer: number): number {
  return BYTES_PER_ELEMENT[buffers[buffer].dtype] * buffers[buffer].size;
}

/** The positions of the groups that read a buffer. */
function usesOf({ graph }: Fuser, { positions }: Line, buffer: number): number[] {
  return [...graph.readersOf(buffer)].map((group) => positions.get(group) ?? 0);
}

/** The longest time for which each pointwise result lies unread. */
function gapsOf(work: Fuser, line: Line): Gap[] {
  return line.groups.flatMap((maker, position) => {
    if (!isMap(maker)) return [];
    return buffersOf(maker.body).flatMap((buffer): Gap[] => {
      if (work.graph.isOutput(buffer)) return [];
      let [from, to, last] = [position, position, position];
      for (const use of usesOf(work, line, buffer).sort((a, b) => a - b)) {
        if (use - last > to - from) [from, to] = [last, use];
        last = use;
      }
      return to - from < 2 ? [] : [{ maker, buffer, bytes: bytesOf(work, buffer), from, to }];
    });
  });
}

/** Gives the groups after a gap a second result, if its operands are at hand there. */
function recompute(
  work: Fuser,
  line: Line,
  { maker, buffer, to }: Gap,
  copies: Map<number, Copy>,
): boolean {
  const { graph } = work;
  const { groups, positions } = line;
  const late = new Set(
    [...graph.readersOf(buffer)].filter((reader) => (positions.get(reader) ?? to) >= to),
  );
  const { atoms, leaves } = recipeOf(graph, maker, buffer);
  const names = new Map<number, number>();
  for (const leaf of leaves) {
    if (isAtHand(graph, leaf, groups[to], graph.sizeOfBuffer(buffer))) continue;
    const again = copies.get(leaf);
    const source = again === undefined ? undefined : graph.makerOf(again.buffer);
    if (again === undefined || source === undefined || Math.abs(again.at - to) > NEAR) return false;
    if (needs(work, line, source, late, to)) return false;
    names.set(leaf, again.buffer);
  }
  const { dtype, size } = work.buffers[buffer];
  const copy = work.buffer(dtype, size);
  const { shape } = maker.body;
  const recipe = withReads({ kind: 'map', shape, atoms }, names).atoms.map((atom) =>
    atom.buffer === buffer ? { ...atom, buffer: copy } : atom,
  );
  const near = leaves
    .flatMap((leaf) => [...graph.readersOf(leaf)])
    .filter((group) => Math.abs((positions.get(group) ?? Infinity) - to) <= NEAR);
  const host = near.filter(isMap).find(({ body }) => sharesWork(body.atoms, atoms));
  const isFree = host !== undefined && !needs(work, line, host, late, to);
  const joined = isFree ? withRecipe(host, recipe) : null;
  if (host !== undefined && joined !== null) graph.replace(host, joined);
  else graph.add({ kind: 'map', shape, atoms: recipe }, groups[to].order);
  for (const reader of late) {
    graph.replace(reader, withReads(reader.body, new Map([[buffer, copy]])));
  }
  prune(graph, maker);
  copies.set(buffer, { buffer: copy, at: to });
  return true;
}

function sharesWork(some: readonly Atom[], others: readonly Atom[]): boolean {
  const own = new Set(some.map(({ buffer }) => buffer));
  return others.some(({ buffer }) => own.has(buffer));
}

/** Whether a group is one of `others`, which stand at `from` or after it, or needs their results. */
function needs(
  { graph }: Fuser,
  { positions }: Line,
  group: Group,
  others: ReadonlySet<Group>,
  from: number,
): boolean {
  const seen = new Set([group]);
  for (const each of seen) {
    if (others.has(each)) return true;
    if ((positions.get(each) ?? from) < from) continue;
    for (const maker of graph.makersRead(each)) seen.add(maker);
  }
  return false;
}
