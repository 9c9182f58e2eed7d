import { sizeOf } from '../shape.ts';
import { buffersOf, isWhole, reshapeAtoms, windowsOf, type Body, type MapBody, type ReduceBody } from './group.ts';

/** A node of the graph: work that becomes one kernel. */
export interface Group {
  readonly id: number;
  /** Position in the program of the last instruction that joined. */
  order: number;
  body: Body;
}

/** The groups of a program under construction, with who depends on whom. */
export class GroupGraph {
  private readonly groups = new Map<number, Group>();
  private readonly makers = new Map<number, Group>();
  /** Ids of all groups that a group depends on, directly or not, as a bit set. */
  private readonly ancestors = new Map<number, BitSet>();
  private readonly sizeOfBuffer: (buffer: number) => number;
  private nextId = 0;

  constructor(sizeOfBuffer: (buffer: number) => number) {
    this.sizeOfBuffer = sizeOfBuffer;
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
    return group;
  }

  /** The group that writes `buffer`. */
  makerOf(buffer: number): Group | undefined {
    return this.makers.get(buffer);
  }

  /** Merges two groups of pointwise work into one and returns it; `null` if that would be wrong. */
  merge(first: Group, second: Group): Group | null {
    const { body: a } = first;
    const { body: b } = second;
    if (a.kind !== 'map' || b.kind !== 'map' || sizeOf(a.shape) !== sizeOf(b.shape)) return null;
    if (!this.readsElementwise(a, second) || !this.readsElementwise(b, first)) return null;
    if (this.dependsThroughOthers(first, second) || this.dependsThroughOthers(second, first)) return null;
    const atoms = reshapeAtoms(b.atoms, a.shape);
    if (atoms === null) return null;
    first.body = { ...a, atoms: [...a.atoms, ...atoms].sort((x, y) => x.order - y.order) };
    first.order = Math.max(first.order, second.order);
    this.groups.delete(second.id);
    for (const { buffer } of b.atoms) this.makers.set(buffer, first);
    this.inheritAncestors(first, second);
    return first;
  }

  /** Lets every reduction take in the map whose only result it alone reads. */
  absorbPrologues(isOutput: (buffer: number) => boolean): void {
    const readers = this.readers();
    for (const group of this.groups.values()) {
      const { body } = group;
      if (body.kind !== 'reduce' || body.arg.kind !== 'window') continue;
      const maker = this.makers.get(body.arg.buffer);
      if (maker?.body.kind !== 'map' || !isWhole(body.arg.view, this.sizeOfBuffer(body.arg.buffer))) continue;
      const isRead = ({ buffer }: { buffer: number }): boolean =>
        isOutput(buffer) || [...(readers.get(buffer) ?? [])].some((reader) => reader !== maker);
      const results = maker.body.atoms.filter(isRead);
      const mine = results.length === 1 && results[0].buffer === body.arg.buffer && !isOutput(body.arg.buffer);
      if (mine && readers.get(body.arg.buffer)?.size === 1) this.absorb(group, body, maker, maker.body);
    }
  }

  /** The groups that read each buffer made by another group. */
  readers(): Map<number, Set<Group>> {
    const readers = new Map<number, Set<Group>>();
    for (const group of this.groups.values()) {
      for (const { buffer } of windowsOf(group.body)) {
        const known = readers.get(buffer);
        if (known === undefined) readers.set(buffer, new Set([group]));
        else known.add(group);
      }
    }
    return readers;
  }

  /** The groups, each after those it reads from, otherwise in program order. */
  inOrder(): Group[] {
    const ordered: Group[] = [];
    const done = new Set<Group>();
    for (const root of [...this.groups.values()].sort((a, b) => a.order - b.order)) {
      const stack = [root];
      for (let group = stack.at(-1); group !== undefined; group = stack.at(-1)) {
        const waiting = done.has(group) ? [] : this.makersRead(group).filter((maker) => !done.has(maker));
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

  private readsElementwise(body: MapBody, maker: Group): boolean {
    return windowsOf(body).every(
      ({ buffer, view }) => this.makers.get(buffer) !== maker || isWhole(view, this.sizeOfBuffer(buffer)),
    );
  }

  private dependsThroughOthers(group: Group, on: Group): boolean {
    return this.makersRead(group).some((maker) => maker !== on && this.ancestorsOf(maker).has(on.id));
  }

  private inheritAncestors(kept: Group, merged: Group): void {
    const inherited = this.ancestorsOf(kept);
    inherited.addAll(this.ancestorsOf(merged));
    inherited.remove(kept.id);
    inherited.remove(merged.id);
    for (const other of this.groups.values()) {
      const ancestors = this.ancestorsOf(other);
      if (!ancestors.has(kept.id) && !ancestors.has(merged.id)) continue;
      ancestors.add(kept.id);
      ancestors.addAll(inherited);
    }
  }

  private absorb(group: Group, body: ReduceBody, maker: Group, map: MapBody): void {
    const atoms = reshapeAtoms(map.atoms, body.shape);
    if (atoms === null) return;
    group.body = { ...body, atoms };
    this.groups.delete(maker.id);
    for (const { buffer } of map.atoms) this.makers.set(buffer, group);
  }
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

  remove(index: number): void {
    if (index >>> 5 < this.words.length) this.words[index >>> 5] &= ~(1 << (index & 31));
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
