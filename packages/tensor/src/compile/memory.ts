// The memory planner: a place in one arena for every temporary, donated inputs for outputs.

import { BYTES_PER_ELEMENT } from '../array/dtype.ts';
import type { TensorSpec } from '../primitives/primitive.ts';
import { sameShape } from '../array/shape.ts';
import { isContiguous } from '../array/view.ts';
import type { Schedule } from './fuse/fuse.ts';
import { refusesValues, type Kernel, type Operand } from '../plan/kernel.ts';
import type { Place, Plan, PlanBuffer, PlanOutput } from '../plan/plan.ts';

/** Buffers start at multiples of this many bytes, so that vector loads never straddle two. */
const ALIGNMENT = 64;

/** More blocks than this are placed in order of time: placing them by size takes quadratic time. */
const MOST_BLOCKS = 4096;

/** The first and the last kernel that touches a buffer. */
interface Lifetime {
  first: number;
  last: number;
}

/**
 * Gives every buffer its place: donated inputs become outputs, and temporaries share one arena. Two buffers
 * of the arena overlap only if their lifetimes do not. A map kernel may write a result over an operand that
 * no later kernel reads.
 *
 * Placement is greedy, largest buffer first at the lowest free offset.
 * Source: Pisarchyk & Lee 2020, "Efficient memory management for deep neural net inference".
 *
 * @param donated Indices of the inputs whose storage the caller gives up.
 * @example
 * const spec = { shape: [3], dtype: 'float32' } as const;
 * const schedule = fuse(simplify(trace(([x]) => [x.mul(2).exp()], [spec])));
 * planMemory(schedule, [spec], [spec], [0]).outputs[0].donatedInput; // 0: written over the input
 */
export function planMemory(
  schedule: Schedule,
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  donated: readonly number[] = [],
): Plan {
  const { buffers, kernels } = schedule;
  const lifetimes = lifetimesOf(buffers.length, kernels);
  const planOutputs = assignDonations(schedule, lifetimes, outputs, donated);
  const { offsets, arenaBytes } = packArena(schedule, lifetimes);
  const places = buffers.map(({ dtype, size, role }, i): PlanBuffer => {
    const place: Place =
      role.kind === 'temporary' ? { kind: 'arena', offset: offsets.get(i) ?? 0 } : role;
    return { dtype, size, place };
  });
  const constants = buffers.filter(({ role }) => role.kind === 'constant').length;
  return {
    buffers: places,
    kernels,
    inputs: inputs.length,
    constants,
    outputs: planOutputs,
    arenaBytes,
  };
}

function lifetimesOf(count: number, kernels: readonly Kernel[]): Lifetime[] {
  const lifetimes = Array.from({ length: count }, () => ({ first: Infinity, last: -1 }));
  kernels.forEach(({ inputs, outputs }, at) => {
    for (const { buffer } of [...inputs, ...outputs]) {
      lifetimes[buffer].first = Math.min(lifetimes[buffer].first, at);
      lifetimes[buffer].last = at;
    }
  });
  return lifetimes;
}

/** Whether `kernel` may write `output` over `buffer`, which it reads. */
function worksInPlace(kernel: Kernel, output: Operand, buffer: number): boolean {
  if (kernel.kind !== 'map' || !isContiguous(output.view) || output.view.offset !== 0) return false;
  return kernel.inputs.every(
    ({ buffer: read, view, dtype }) =>
      read !== buffer ||
      (dtype === output.dtype &&
        view.offset === 0 &&
        isContiguous(view) &&
        sameShape(view.shape, output.view.shape)),
  );
}

/**
 * Pairs outputs with donated inputs of the same dtype and size. The input's last read must come before the
 * output's kernel, or in it. An input that this kernel reads comes first, otherwise the one that has been
 * free for longest. No donated input is written before the last kernel that may refuse a value, so that a
 * refused call leaves its arguments as they were.
 */
function assignDonations(
  { buffers, kernels }: Schedule,
  lifetimes: readonly Lifetime[],
  outputs: readonly TensorSpec[],
  donated: readonly number[],
): PlanOutput[] {
  const bufferOf = (kind: 'input' | 'output'): ReadonlyMap<number, number> =>
    new Map(
      buffers.flatMap(({ role }, buffer) => (role.kind === kind ? [[role.index, buffer]] : [])),
    );
  const [ins, outs] = [bufferOf('input'), bufferOf('output')];
  const lastRefusal = kernels.findLastIndex(refusesValues);
  /** The donated inputs that are still available, by buffer. */
  const free = new Map(donated.map((index) => [ins.get(index) ?? -1, index]));
  /** The same, by kind. The last of each list is the one whose last read comes first. */
  const queues = new Map<string, number[]>();
  const kindOf = (buffer: number): string => `${buffers[buffer].dtype} ${buffers[buffer].size}`;
  const byLastUse = [...free.keys()].sort((a, b) => lifetimes[b].last - lifetimes[a].last || b - a);
  for (const buffer of byLastUse) {
    const queue = queues.get(kindOf(buffer));
    if (queue === undefined) queues.set(kindOf(buffer), [buffer]);
    else queue.push(buffer);
  }
  const choose = (buffer: number): number | undefined => {
    const { first } = lifetimes[buffer];
    const kernel = kernels[first];
    const written = kernel.outputs.find((output) => output.buffer === buffer);
    const queue = queues.get(kindOf(buffer));
    if (written === undefined || queue === undefined || first <= lastRefusal) return undefined;
    const readHere = kernel.inputs
      .map((operand) => operand.buffer)
      .filter(
        (input) =>
          free.has(input) &&
          kindOf(input) === kindOf(buffer) &&
          lifetimes[input].last === first &&
          worksInPlace(kernel, written, input),
      );
    if (readHere.length > 0) return readHere.reduce((a, b) => Math.min(a, b));
    while (queue.length > 0 && !free.has(queue[queue.length - 1])) queue.pop();
    const longest = queue.at(-1);
    return longest !== undefined && lifetimes[longest].last < first ? longest : undefined;
  };
  return outputs.map(({ shape, dtype }, index) => {
    const chosen = choose(outs.get(index) ?? -1) ?? -1;
    const donatedInput = free.get(chosen) ?? null;
    free.delete(chosen);
    return { shape, dtype, donatedInput };
  });
}

/** A temporary, or several that share memory because each is written over the one before. */
interface Block {
  bytes: number;
  lifetime: Lifetime;
  readonly members: number[];
  offset: number;
}

function packArena(
  schedule: Schedule,
  lifetimes: readonly Lifetime[],
): { offsets: Map<number, number>; arenaBytes: number } {
  const blocks = mergeInPlace(schedule, lifetimes);
  if (blocks.length > MOST_BLOCKS) placeByTime(blocks);
  else placeBySize(blocks);
  const arenaBytes = blocks.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes), 0);
  const offsets = new Map(
    blocks.flatMap(({ members, offset }) => members.map((buffer) => [buffer, offset] as const)),
  );
  return { offsets, arenaBytes };
}

/** Places the largest block first, each at the lowest offset that is free during its whole lifetime. */
function placeBySize(blocks: readonly Block[]): void {
  const placed: Block[] = [];
  for (const block of [...blocks].sort((a, b) => b.bytes - a.bytes)) {
    let offset = 0;
    for (const other of placed) {
      const apart =
        other.lifetime.last < block.lifetime.first || block.lifetime.last < other.lifetime.first;
      if (apart) continue;
      if (offset + block.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    block.offset = offset;
    placed.push(block);
    placed.sort((a, b) => a.offset - b.offset);
  }
}

/** Places blocks in order of time, each in the first hole that is large enough, like an allocator. */
function placeByTime(blocks: readonly Block[]): void {
  const ends = [...blocks].sort((a, b) => a.lifetime.last - b.lifetime.last);
  const holes = [{ begin: 0, end: Infinity }];
  const giveBack = ({ offset, bytes }: Block): void => {
    const end = offset + bytes;
    const next = holes.findIndex((hole) => hole.begin >= end);
    if (holes[next].begin === end) holes[next].begin = offset;
    else holes.splice(next, 0, { begin: offset, end });
    if (next === 0 || holes[next - 1].end !== offset) return;
    holes[next - 1].end = holes[next].end;
    holes.splice(next, 1);
  };
  let ended = 0;
  for (const block of [...blocks].sort((a, b) => a.lifetime.first - b.lifetime.first)) {
    for (; ends[ended].lifetime.last < block.lifetime.first; ended++) giveBack(ends[ended]);
    const at = holes.findIndex(({ begin, end }) => end - begin >= block.bytes);
    block.offset = holes[at].begin;
    holes[at].begin += block.bytes;
    if (holes[at].begin === holes[at].end) holes.splice(at, 1);
  }
}

/** Makes one block per temporary, or per chain of temporaries that are each written over the one before. */
function mergeInPlace({ buffers, kernels }: Schedule, lifetimes: readonly Lifetime[]): Block[] {
  const blockOf = new Map<number, Block>();
  const isTemporary = (buffer: number): boolean => buffers[buffer].role.kind === 'temporary';
  kernels.forEach((kernel, at) => {
    const taken = new Set<number>();
    for (const output of kernel.outputs) {
      const { buffer } = output;
      if (!isTemporary(buffer) || blockOf.has(buffer)) continue;
      const overwritten = kernel.inputs.find(
        (operand) =>
          isTemporary(operand.buffer) &&
          !taken.has(operand.buffer) &&
          lifetimes[operand.buffer].last === at &&
          lifetimes[buffer].first === at &&
          buffers[operand.buffer].dtype === buffers[buffer].dtype &&
          buffers[operand.buffer].size === buffers[buffer].size &&
          worksInPlace(kernel, output, operand.buffer),
      );
      const block = overwritten === undefined ? undefined : blockOf.get(overwritten.buffer);
      if (overwritten !== undefined && block !== undefined) {
        taken.add(overwritten.buffer);
        block.members.push(buffer);
        block.lifetime.last = lifetimes[buffer].last;
        blockOf.set(buffer, block);
        continue;
      }
      const bytes = buffers[buffer].size * BYTES_PER_ELEMENT[buffers[buffer].dtype];
      blockOf.set(buffer, {
        bytes: Math.ceil(bytes / ALIGNMENT) * ALIGNMENT,
        lifetime: { ...lifetimes[buffer] },
        members: [buffer],
        offset: 0,
      });
    }
  });
  return [...new Set(blockOf.values())];
}
