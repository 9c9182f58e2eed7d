// A WebAssembly module of pure arithmetic, for the limit of the machine.

import type { PeakWork } from '../works/works.ts';

/** Accumulators: enough to hide the latency of a multiplication and an addition; more would not fit V8's registers. */
const ACCUMULATORS = 12;
/** Times that each accumulator is updated in a round. */
const UNROLLED = 4;

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;
const SPLAT = [0xfd, 0x13];
const EXTRACT_LANE_0 = [0xfd, 0x1f, 0];
const ADD = [0xfd, 0xe4, 0x01];
const MUL = [0xfd, 0xe6, 0x01];
const RELAXED_MADD = [0xfd, 0x85, 0x02];

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];

/** A number in LEB128, as sections and bodies are sized. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

const section = (id: number, bytes: readonly number[]): number[] => [
  id,
  ...unsigned(bytes.length),
  ...bytes,
];

/**
 * The module, which exports `run(rounds: i32, factor: f32, summand: f32): f32`: it updates 12
 * vectors by `a ← a · factor + summand`, 4 times a round, and returns a lane of their sum.
 */
export function peakModule(instruction: PeakWork['instruction']): Uint8Array<ArrayBuffer> {
  const [rounds, factor, summand, first] = [0, 1, 2, 3];
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, i) => first + i);
  const [factors, summands] = [first + ACCUMULATORS, first + ACCUMULATORS + 1];
  const fused = [...get(factors), ...get(summands), ...RELAXED_MADD];
  const separate = [...get(factors), ...MUL, ...get(summands), ...ADD];
  const arithmetic = instruction === 'mul-add' ? separate : fused;
  const update = (a: number): number[] => [...get(a), ...arithmetic, ...set(a)];
  const round = accumulators.flatMap(update);
  const body = [
    [1, ...unsigned(ACCUMULATORS + 2), V128], // locals
    [...get(factor), ...SPLAT, ...set(factors)],
    [...get(summand), ...SPLAT, ...set(summands)],
    [0x03, 0x40], // loop
    ...Array.from({ length: UNROLLED }, () => round),
    [...get(rounds), 0x41, 1, 0x6b, 0x22, rounds], // rounds ← rounds − 1
    [0x0d, 0, 0x0b], // again unless it is 0; end of the loop
    ...accumulators.map((a, i) => (i === 0 ? get(a) : [...get(a), ...ADD])),
    [...EXTRACT_LANE_0, 0x0b],
  ].flat();
  const name = [...new TextEncoder().encode('run')];
  const parts = [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    section(1, [1, 0x60, 3, I32, F32, F32, 1, F32]), // types
    section(3, [1, 0]), // functions
    section(7, [1, name.length, ...name, 0, 0]), // exports
    section(10, [1, ...unsigned(body.length), ...body]), // code
  ];
  return Uint8Array.from(parts.flat());
}
