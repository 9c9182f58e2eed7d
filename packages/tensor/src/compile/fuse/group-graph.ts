// The graph of groups that read from each other, and the merging of groups of pointwise work.

import { sameShape, sizeOf, type Shape } from '../../array/shape.ts';
import {
  buffersOf,
  isShort,
  isWhole,
  reshapeAtoms,
  windowsOf,
  type AssemblyBody,
  type Atom,
  type Body,
  type CallBody,
  type MapBody,
  type ReduceBody,
  type Window,
} from './group.ts';
import { MergeOrder } from './merge-order.ts';

/** A node of the graph: work that becomes one kernel. */
export interface Group {
  readonly id: number;
  /** The position in the program of the last instruction that joined. */
  order: number;
  body: Body;
}

/**
 * The groups of a program, as a graph of who reads from whom, and the merging of pointwise groups.
 *
 * `fuseChains` comes first. It moves work into the only group that reads its results, which saves writing
 * them. `fuseNeighbours` comes second. It joins a group with a map that reads its results right after it,
 * which saves reading them again.
 */
export class GroupGraph {
  /** Number of elements of a buffer. */
  readonly sizeOfBuffer: (buffer: number) => number;
  /** Whether a buffer is a result of the program. */
  readonly isOutput: (buffer: number) => boolean;
  readonly #groups = new Map<number, Group>();
  readonly #makers = new Map<number, Group>();
  readonly #readers = new Map<number, Set<Group>>();
  /** Cache of the last reader, in program order, of a buffer. */
  readonly #lastReaders = new Map<number, Group>();
  #nextId = 0;

  constructor(sizeOfBuffer: (buffer: number) => number, isOutput: (buffer: number) => boolean) {
    this.sizeOfBuffer = sizeOfBuffer;
    this.isOutput = isOutput;
  }

  add(body: Body, order: number): Group {
    const group = { id: this.#nextId++, order, body };
    this.#groups.set(group.id, group);
    for (const buffer of buffersOf(body)) {
      // Work that is done a second time has values inside that another group makes for all others.
      if (!this.#makers.has(buffer)) this.#makers.set(buffer, group);
    }
    for (const { buffer } of windowsOf(body)) this.readersOf(buffer).add(group);
    return group;
  }

  /** The groups that read `buffer`, without the group that makes it. */
  readersOf(buffer: number): Set<Group> {
    let readers = this.#readers.get(buffer);
    if (readers === undefined) {
      readers = new Set();
      this.#readers.set(buffer, readers);
    }
    return readers;
  }

  /** The order of the last group that reads `buffer`; −1 if none does. */
  lastRead(buffer: number): number {
    const readers = this.readersOf(buffer);
    let last = this.#lastReaders.get(buffer);
    if (last === undefined || !readers.has(last)) {
      last = undefined;
      for (const reader of readers) {
        if (last === undefined || reader.order > last.order) last = reader;
      }
      if (last === undefined) return -1;
      this.#lastReaders.set(buffer, last);
    }
    return last.order;
  }

  /** Moves every map into the map or reduction that alone reads its results. */
  fuseChains(): void {
    for (const group of this.inProgramOrder().reverse()) {
      const { body } = group;
      if (this.#groups.get(group.id) === group && !isOpaque(body)) this.#fuseChain(group, body);
    }
  }

  #fuseChain(group: Group, body: MapBody | ReduceBody): void {
    const atoms = [...body.atoms];
    const absorbed = new Set<Group>();
    const waiting: Group[] = [];
    /** The buffers that the work reads in any other way than element by element. */
    const apart = new Set<number>();
    const take = (work: Body): void => {
      for (const window of windowsOf(work).toReversed()) {
        if (!this.#isElementwise(window)) apart.add(window.buffer);
        const maker = this.#makers.get(window.buffer);
        if (maker !== undefined) waiting.push(maker);
      }
    };
    take(body);
    for (let maker = waiting.pop(); maker !== undefined; maker = waiting.pop()) {
      const isOwn = !absorbed.has(maker) && this.isOnlyReader(group, maker, absorbed);
      if (!isOwn || buffersOf(maker.body).some((buffer) => apart.has(buffer))) continue;
      const moved = movedInto(body.shape, atoms, maker.body);
      if (moved === null) continue;
      for (const atom of moved) atoms.push(atom);
      absorbed.add(maker);
      take(maker.body);
    }
    if (absorbed.size > 0) this.replace(group, { ...body, atoms: inOrder(atoms) }, [...absorbed]);
  }

  /**
   * Joins every map with a map whose results it reads, unless an operation with its own kernel reads them
   * before.
   */
  fuseNeighbours(): void {
    const order = new MergeOrder(this.inOrder(), {
      makersOf: (group) => this.makersRead(group),
      readersOf: (group) => this.#readersOfAll(group),
    });
    const firstReads = this.#firstOpaqueReads();
    for (const group of this.inProgramOrder()) {
      if (this.#groups.get(group.id) !== group) continue;
      for (const maker of this.makersRead(group)) {
        const { body } = group;
        if (maker.body.kind !== 'map' || body.kind !== 'map') continue;
        const isReadBefore = buffersOf(maker.body).some(
          (buffer) => (firstReads.get(buffer) ?? Infinity) < firstOrder(body),
        );
        const joined = isReadBefore ? null : this.#joined(body, maker);
        if (joined !== null && order.join(group, maker)) this.replace(group, joined, [maker]);
      }
    }
  }

  /** The groups, each after those that it reads from, otherwise in program order. */
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
          for (const maker of waiting) stack.push(maker);
          continue;
        }
        stack.pop();
        if (!done.has(group)) ordered.push(group);
        done.add(group);
      }
    }
    return ordered;
  }

  /** The group that makes `buffer`; `undefined` for inputs and constants of the program. */
  makerOf(buffer: number): Group | undefined {
    return this.#makers.get(buffer);
  }

  /**
   * Gives a group another body. The body may contain the work of the `absorbed` groups, which are then
   * removed; their results become the group's.
   */
  replace(group: Group, body: Body, absorbed: readonly Group[] = []): void {
    for (const each of [group, ...absorbed]) {
      for (const { buffer } of windowsOf(each.body)) this.readersOf(buffer).delete(each);
    }
    for (const { id, order, body: merged } of absorbed) {
      group.order = Math.max(group.order, order);
      this.#groups.delete(id);
      for (const buffer of buffersOf(merged)) this.readersOf(buffer).delete(group);
    }
    group.body = body;
    const gone = new Set(absorbed);
    for (const buffer of buffersOf(body)) {
      const maker = this.#makers.get(buffer);
      if (maker === undefined || gone.has(maker)) this.#makers.set(buffer, group);
    }
    for (const { buffer } of windowsOf(body)) {
      this.readersOf(buffer).add(group);
      const last = this.#lastReaders.get(buffer);
      if (last !== undefined && last.order < group.order) this.#lastReaders.set(buffer, group);
    }
  }

  /** Removes a group whose results no group reads. */
  remove(group: Group): void {
    for (const { buffer } of windowsOf(group.body)) this.readersOf(buffer).delete(group);
    this.#groups.delete(group.id);
  }

  /** The groups whose results a group reads. */
  makersRead(group: Group): Group[] {
    const makers = new Set<Group>();
    for (const { buffer } of windowsOf(group.body)) {
      const maker = this.#makers.get(buffer);
      if (maker !== undefined && maker !== group) makers.add(maker);
    }
    return [...makers];
  }

  /** The groups that read a result of `group`. */
  #readersOfAll(group: Group): Set<Group> {
    return new Set(buffersOf(group.body).flatMap((buffer) => [...this.readersOf(buffer)]));
  }

  /** The groups in the order of the program. */
  inProgramOrder(): Group[] {
    return [...this.#groups.values()].sort((a, b) => a.order - b.order);
  }

  /** Whether only `group`, and groups that it is about to absorb, read the results of `maker`. */
  isOnlyReader(group: Group, maker: Group, absorbed?: ReadonlySet<Group>): boolean {
    for (const buffer of buffersOf(maker.body)) {
      if (this.isOutput(buffer)) return false;
      for (const reader of this.readersOf(buffer)) {
        if (reader !== group && absorbed?.has(reader) !== true) return false;
      }
    }
    return true;
  }

  /** Whether another group than `group` reads `buffer`. */
  isReadBesides(buffer: number, group: Group): boolean {
    const readers = this.readersOf(buffer);
    return readers.size > (readers.has(group) ? 1 : 0);
  }

  /** For each buffer, the order of the first operation with its own kernel that reads it. */
  #firstOpaqueReads(): ReadonlyMap<number, number> {
    const reads = new Map<number, number>();
    for (const { body, order } of this.inProgramOrder().reverse()) {
      if (isOpaque(body)) for (const { buffer } of windowsOf(body)) reads.set(buffer, order);
    }
    return reads;
  }

  /** Whether a window reads its whole buffer element by element, with no separating movement between. */
  #isElementwise({ buffer, view, separate }: Window): boolean {
    return separate !== true && isWhole(view, this.sizeOfBuffer(buffer));
  }

  /** The body of a map with the work of another map before its own; `null` if the shapes do not allow it. */
  #joined(body: MapBody, maker: Group): Body | null {
    const fits = windowsOf(body).every(
      (window) => this.#makers.get(window.buffer) !== maker || this.#isElementwise(window),
    );
    const moved = fits ? movedInto(body.shape, body.atoms, maker.body) : null;
    return moved === null ? null : { ...body, atoms: inOrder([...moved, ...body.atoms]) };
  }
}

/** The work of a map over another shape, to join `atoms`; `null` if it cannot join them. */
function movedInto(shape: Shape, atoms: readonly Atom[], map: Body): readonly Atom[] | null {
  if (map.kind !== 'map' || sizeOf(map.shape) !== sizeOf(shape)) return null;
  if (!isShort(map.atoms, atoms)) return null;
  return sameShape(map.shape, shape) ? map.atoms : reshapeAtoms(map.atoms, shape);
}

function inOrder(atoms: Atom[]): readonly Atom[] {
  return atoms.sort((a, b) => a.order - b.order);
}

function isOpaque(body: Body): body is AssemblyBody | CallBody {
  return body.kind === 'assembly' || body.kind === 'call';
}

function firstOrder({ atoms }: MapBody): number {
  return atoms[0].order;
}
