import { sizeOf } from '../shape.ts';
import {
  buffersOf,
  isWhole,
  reshapeAtoms,
  windowsOf,
  type AssemblyBody,
  type Body,
  type CallBody,
  type MapBody,
} from './group.ts';

/** Longer chains are cut: one more pass over memory costs little there, and merging stays linear in their length. */
const MAX_ATOMS = 256;

/** A node of the graph: work that becomes one kernel. */
export interface Group {
  readonly id: number;
  /** Position in the program of the last instruction that joined. */
  order: number;
  body: Body;
}

/**
 * The groups of a program, with who reads from whom, and the merging of pointwise groups.
 *
 * First `fuseChains`: work whose results one group alone reads moves into that group, which saves
 * writing them. Then `fuseNeighbours`: what reads a group's results right after it joins it, which
 * saves reading them again.
 */
export class GroupGraph {
  /** Elements of a buffer. */
  readonly sizeOfBuffer: (buffer: number) => number;
  /** Whether a buffer is a result of the program. */
  readonly isOutput: (buffer: number) => boolean;
  private readonly groups = new Map<number, Group>();
  private readonly makers = new Map<number, Group>();
  private readonly readers = new Map<number, Set<Group>>();
  /** Ids of all groups that a group depends on, directly or not. */
  private readonly ancestors = new Map<number, BitSet>();
  private nextId = 0;

  constructor(sizeOfBuffer: (buffer: number) => number, isOutput: (buffer: number) => boolean) {
    this.sizeOfBuffer = sizeOfBuffer;
    this.isOutput = isOutput;
  }

  add(body: Body, order: number): Group {
    const group = { id: this.nextId++, order, body };
    const ancestors = new BitSet();
    for (const maker of this.makersRead(group)) {
      ancestors.add(maker.id);
      ancestors.addAll(this.ancestorsOf(maker));
    }
    this.groups.set(group.id, group);
    this.ancestors.set(group.id, ancestors);
    for (const buffer of buffersOf(body)) this.makers.set(buffer, group);
    for (const { buffer } of windowsOf(body)) this.readersOf(buffer).add(group);
    return group;
  }

  /** The groups that read `buffer`, except its maker. */
  readersOf(buffer: number): Set<Group> {
    let readers = this.readers.get(buffer);
    if (readers === undefined) {
      readers = new Set();
      this.readers.set(buffer, readers);
    }
    return readers;
  }

  /** Moves every map into the map or reduction that alone reads its results. */
  fuseChains(): void {
    for (const group of this.inProgramOrder().reverse()) {
      if (this.groups.get(group.id) !== group) continue;
      let grown = true;
      while (grown) {
        grown = this.makersRead(group).some(
          (maker) => this.isOnlyReader(group, maker) && this.absorb(group, maker),
        );
      }
    }
  }

  /** Lets every map join a map whose results it reads, unless a kernel of its own reads them before. */
  fuseNeighbours(): void {
    for (const group of this.inProgramOrder()) {
      for (const maker of this.makersRead(group)) {
        if (this.groups.get(group.id) !== group) break;
        if (maker.body.kind !== 'map' || group.body.kind !== 'map') continue;
        if (this.isReadBefore(maker, firstOrder(group.body))) continue;
        if (this.dependsThroughOthers(group, maker) || this.dependsThroughOthers(maker, group))
          continue;
        if (this.absorb(group, maker)) this.inheritReaders(group, maker);
      }
    }
  }

  /** The groups, each after those it reads from, otherwise in program order. */
  inOrder(): Group[] {
    const ordered: Group[] = [];
    const done = new Set<Group>();
    for (const root of this.inProgramOrder()) {
      const stack = [root];
      for (let group = stack.at(-1); group !== undefined; group = stack.at(-1)) {
        const waiting = done.has(group)
          ? []
          : this.makersRead(group).filter((maker) => !done.has(maker));
        if (waiting.length > 0) {
          stack.push(...waiting);
          continue;
        }
        stack.pop();
        if (!done.has(group)) ordered.push(group);
        done.add(group);
      }
    }
    return ordered;
  }

  /** Whose result `buffer` is; `undefined` for inputs and constants of the program. */
  makerOf(buffer: number): Group | undefined {
    return this.makers.get(buffer);
  }

  /**
   * Gives a group another body, which may contain the work of `absorbed`: groups that are no more, and
   * whose results are the group's from then on.
   */
  replace(group: Group, body: Body, absorbed: readonly Group[] = []): void {
    for (const each of [group, ...absorbed]) {
      for (const { buffer } of windowsOf(each.body)) this.readersOf(buffer).delete(each);
    }
    for (const { id, order, body: gone } of absorbed) {
      group.order = Math.max(group.order, order);
      this.groups.delete(id);
      for (const buffer of buffersOf(gone)) this.readersOf(buffer).delete(group);
    }
    group.body = body;
    for (const buffer of buffersOf(body)) {
      const maker = this.makers.get(buffer);
      if (maker === undefined || absorbed.includes(maker)) this.makers.set(buffer, group);
    }
    for (const { buffer } of windowsOf(body)) this.readersOf(buffer).add(group);
  }

  /** Takes a group out whose results nobody reads. */
  remove(group: Group): void {
    for (const { buffer } of windowsOf(group.body)) this.readersOf(buffer).delete(group);
    this.groups.delete(group.id);
  }

  private makersRead(group: Group): Group[] {
    const makers = new Set<Group>();
    for (const { buffer } of windowsOf(group.body)) {
      const maker = this.makers.get(buffer);
      if (maker !== undefined && maker !== group) makers.add(maker);
    }
    return [...makers];
  }

  private ancestorsOf(group: Group): BitSet {
    const ancestors = this.ancestors.get(group.id);
    if (ancestors === undefined) throw new Error(`fuse: group ${group.id} is gone.`);
    return ancestors;
  }

  /** The groups in the order of the program. */
  inProgramOrder(): Group[] {
    return [...this.groups.values()].sort((a, b) => a.order - b.order);
  }

  /** Whether nobody but `group` reads what `maker` makes. */
  isOnlyReader(group: Group, maker: Group): boolean {
    return buffersOf(maker.body).every(
      (buffer) =>
        !this.isOutput(buffer) && [...this.readersOf(buffer)].every((reader) => reader === group),
    );
  }

  /** Whether an operation with a kernel of its own reads a result of `maker` before `order`. */
  private isReadBefore(maker: Group, order: number): boolean {
    return buffersOf(maker.body).some((buffer) =>
      [...this.readersOf(buffer)].some(({ body, order: at }) => at < order && isOpaque(body)),
    );
  }

  private dependsThroughOthers(group: Group, on: Group): boolean {
    return this.makersRead(group).some(
      (maker) => maker !== on && this.ancestorsOf(maker).has(on.id),
    );
  }

  /** Whether `body` reads the results of `maker` only element by element, and nothing separates them. */
  private readsElementwise(body: Body, maker: Group): boolean {
    return windowsOf(body).every(
      ({ buffer, view, separate }) =>
        this.makers.get(buffer) !== maker ||
        (separate !== true && isWhole(view, this.sizeOfBuffer(buffer))),
    );
  }

  /** Moves the work of a map into `group`, if the shapes allow it. */
  private absorb(group: Group, maker: Group): boolean {
    const { body } = group;
    const { body: map } = maker;
    if (map.kind !== 'map' || isOpaque(body) || sizeOf(map.shape) !== sizeOf(body.shape))
      return false;
    if (map.atoms.length + body.atoms.length > MAX_ATOMS) return false;
    if (!this.readsElementwise(body, maker) || !this.readsElementwise(map, group)) return false;
    const atoms = reshapeAtoms(map.atoms, body.shape);
    if (atoms === null) return false;
    const joined = [...atoms, ...body.atoms].sort((x, y) => x.order - y.order);
    this.replace(group, { ...body, atoms: joined }, [maker]);
    return true;
  }

  /**
   * Whoever depended on `merged` now depends on `kept`. (What `merged` depended on, `kept` did before:
   * it read `merged`. Where it alone did, nobody else has to be told.)
   */
  private inheritReaders(kept: Group, merged: Group): void {
    const inherited = this.ancestorsOf(kept);
    for (const other of this.groups.values()) {
      const ancestors = this.ancestorsOf(other);
      if (other === kept || !ancestors.has(merged.id)) continue;
      ancestors.add(kept.id);
      ancestors.addAll(inherited);
    }
  }
}

function isOpaque(body: Body): body is AssemblyBody | CallBody {
  return body.kind === 'assembly' || body.kind === 'call';
}

function firstOrder({ atoms }: MapBody): number {
  return atoms[0].order;
}

/** A growing set of small whole numbers. */
class BitSet {
  private words = new Uint32Array(8);

  has(index: number): boolean {
    return ((this.words[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
  }

  add(index: number): void {
    this.reserve((index >>> 5) + 1);
    this.words[index >>> 5] |= 1 << (index & 31);
  }

  addAll(other: BitSet): void {
    this.reserve(other.words.length);
    for (let i = 0; i < other.words.length; i++) this.words[i] |= other.words[i];
  }

  private reserve(words: number): void {
    if (words <= this.words.length) return;
    const grown = new Uint32Array(Math.max(words, 2 * this.words.length));
    grown.set(this.words);
    this.words = grown;
  }
}
