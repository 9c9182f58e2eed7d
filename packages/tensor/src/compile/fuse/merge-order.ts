// Keeps an order of groups up to date while they merge, so that a merge never closes a cycle.

import type { Group } from './group-graph.ts';

/** A search over more edges than this ends, without the merge, so that work stays linear in the program. */
const MOST_EDGES = 4096;

/** The groups that a group reads from, and those that read from it. */
export interface Neighbours {
  makersOf(group: Group): Iterable<Group>;
  readersOf(group: Group): Iterable<Group>;
}

/**
 * An order of groups in which each stands after those that it reads from. It stays valid while groups merge.
 * All groups on a path from one group to another stand between the two. So only few groups have to be
 * searched for such a path.
 *
 * Source: Pearce & Kelly 2006, "A dynamic topological sort algorithm for directed acyclic graphs".
 */
export class MergeOrder {
  readonly #positions: Map<Group, number>;
  readonly #neighbours: Neighbours;

  constructor(ordered: readonly Group[], neighbours: Neighbours) {
    this.#positions = new Map(ordered.map((group, position) => [group, position]));
    this.#neighbours = neighbours;
  }

  /**
   * Moves `group` to a place where it can include the work of `maker`, which it reads from. That fails if a
   * path through other groups leads from one to the other. Returns whether it succeeded.
   */
  join(group: Group, maker: Group): boolean {
    const { makersOf, readersOf } = this.#neighbours;
    const start = this.#at(maker);
    const before = this.#reach(group, maker, makersOf, (at) => at >= start);
    if (before === null) return false;
    const end = before.reduce((last, each) => Math.max(last, this.#at(each)), start);
    const after = this.#reach(maker, group, readersOf, (at) => at < end);
    if (after === null) return false;
    const byPosition = (a: Group, b: Group): number => this.#at(a) - this.#at(b);
    const places = [maker, ...before, ...after].map((each) => this.#at(each)).sort((a, b) => a - b);
    const moved = [...before.sort(byPosition), group, ...after.sort(byPosition)];
    moved.forEach((each, i) => this.#positions.set(each, places[i]));
    return true;
  }

  /**
   * The groups that edges reach from `from`, at positions that `isBetween` accepts. The direct edge to `to`
   * does not count. `null` if another path leads to `to`, or if the search is too long.
   */
  #reach(
    from: Group,
    to: Group,
    edges: (group: Group) => Iterable<Group>,
    isBetween: (position: number) => boolean,
  ): Group[] | null {
    const found = new Set<Group>();
    let left = MOST_EDGES;
    const waiting = [from];
    for (let group = waiting.pop(); group !== undefined; group = waiting.pop()) {
      for (const next of edges(group)) {
        if (next === to && group === from) continue;
        if (next === to || left-- === 0) return null;
        if (found.has(next) || !isBetween(this.#at(next))) continue;
        found.add(next);
        waiting.push(next);
      }
    }
    return [...found];
  }

  #at(group: Group): number {
    const position = this.#positions.get(group);
    if (position === undefined) throw new Error(`fuse: group ${group.id} is gone.`);
    return position;
  }
}
