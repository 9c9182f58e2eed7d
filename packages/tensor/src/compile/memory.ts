import { BYTES_PER_ELEMENT } from '../dtype.ts';
import type { TensorSpec } from '../primitives/primitive.ts';
import { sameShape, sizeOf } from '../shape.ts';
import { isContiguous } from '../view.ts';
import type { Schedule } from './fuse.ts';
import { refusesValues, type Kernel, type Operand } from './kernel.ts';
import type { Place, Plan, PlanBuffer, PlanOutput } from './plan.ts';

/** Buffers start at multiples of this many bytes, so that vector loads never straddle two. */
const ALIGNMENT = 64;

/** First and last kernel that touches a buffer. */
interface Lifetime {
  first: number;
  last: number;
}

/**
 * Gives every buffer its place: donated inputs become outputs, and temporaries share one arena, in
 * which two buffers overlap only if their lifetimes do not. A map kernel may write a result over an
 * operand that nobody reads later.
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

/** Whether `kernel` may write `output` over the buffer `operand` while it reads it. */
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
 * Pairs outputs with donated inputs of the same kind that are read for the last time before (or as) the
 * output is written. Nothing donated is written before the last kernel that may refuse a value, so that a
 * refused call leaves its arguments as they were.
 */
function assignDonations(
  { buffers, kernels }: Schedule,
  lifetimes: readonly Lifetime[],
  outputs: readonly TensorSpec[],
  donated: readonly number[],
): PlanOutput[] {
  const bufferOf = (kind: 'input' | 'output', index: number): number =>
    buffers.findIndex(({ role }) => role.kind === kind && role.index === index);
  const lastRefusal = kernels.findLastIndex(refusesValues);
  const free = new Map(donated.map((index) => [index, bufferOf('input', index)]));
  return outputs.map(({ shape, dtype }, index) => {
    const buffer = bufferOf('output', index);
    const { first } = lifetimes[buffer];
    const kernel = kernels[first];
    const written = kernel.outputs.find((output) => output.buffer === buffer);
    const candidates = [...free].filter(([, input]) => {
      const fits = buffers[input].dtype === dtype && buffers[input].size === sizeOf(shape);
      if (!fits || written === undefined || first <= lastRefusal) return false;
      const { last } = lifetimes[input];
      return last < first || (last === first && worksInPlace(kernel, written, input));
    });
    const readHere = candidates.find(([, input]) =>
      kernel.inputs.some((operand) => operand.buffer === input),
    );
    const chosen = readHere ?? candidates[0];
    if (chosen !== undefined) free.delete(chosen[0]);
    return { shape, dtype, donatedInput: chosen?.[0] ?? null };
  });
}

/** Temporaries that share memory because one is written over the other. */
interface Block {
  bytes: number;
  lifetime: Lifetime;
  readonly members: number[];
  offset: number;
}

function packArena(
  { buffers, kernels }: Schedule,
  lifetimes: readonly Lifetime[],
): { offsets: Map<number, number>; arenaBytes: number } {
  const blocks = mergeInPlace({ buffers, kernels }, lifetimes).sort((a, b) => b.bytes - a.bytes);
  const placed: Block[] = [];
  let arenaBytes = 0;
  for (const block of blocks) {
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
    arenaBytes = Math.max(arenaBytes, offset + block.bytes);
  }
  const offsets = new Map(
    placed.flatMap(({ members, offset }) => members.map((buffer) => [buffer, offset] as const)),
  );
  return { offsets, arenaBytes };
}

/** One block a temporary, or one for a chain of temporaries of which each is written over the last. */
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
