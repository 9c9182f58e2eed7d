// The rule of random bits: the twenty rounds of threefry2x32, on unsigned words.

import type { SourceParams } from '@tessera/tensor/extend';
import { DATA_TYPES } from '../graph/element-type.ts';
import type { Graph } from '../graph/graph.ts';
import type { OnnxRule } from './rule.ts';

/** Rotations of the rounds: those of groups with an odd number, and those of the others. */
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** The third word of the key schedule is the xor of the key and this one. */
const PARITY = 0x1bd11bda;

/**
 * The top `width` bits of the xor of both words of `threefry2x32(key, (0, start + i))`.
 *
 * Source: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.
 */
export const randomBits: OnnxRule<SourceParams['randomBits']> = (
  graph,
  { inputs: [key], params: { shape, width, start } },
) => {
  const word = (value: number): string => graph.scalar('uint32', value);
  const words = graph.node('Cast', [key], { to: DATA_TYPES.uint32 });
  const [key0, key1] = [0, 1].map((i) => graph.node('Gather', [words, graph.scalar('int64', i)]));
  const key2 = xor(graph, xor(graph, key0, key1), word(PARITY));
  const keys = [key0, key1, key2];

  let first = key0; // The first word of the counter is 0.
  let second = add(graph, counters(graph, start, shape), key1);
  for (let group = 1; group <= 5; group++) {
    for (const bits of ROTATIONS[(group + 1) % 2]) {
      first = add(graph, first, second);
      second = xor(graph, rotated(graph, second, bits), first);
    }
    first = add(graph, first, keys[group % 3]);
    second = add(graph, add(graph, second, keys[(group + 1) % 3]), word(group));
  }
  const mixed = xor(graph, first, second);
  const top = width === 32 ? mixed : shifted(graph, mixed, 32 - width, 'RIGHT');
  const bits = graph.node('Cast', [top], { to: DATA_TYPES.int32 });
  return graph.node('Reshape', [bits, graph.integers(shape)]);
};

/** The numbers from `start` on, one for each element, modulo 2³². */
function counters(graph: Graph, start: number, shape: readonly number[]): string {
  const count = shape.reduce((product, size) => product * size, 1);
  const [from, to, step] = [start, start + count, 1].map((n) => graph.scalar('int64', n));
  const numbers = graph.node('Range', [from, to, step]);
  return graph.node('Cast', [numbers], { to: DATA_TYPES.uint32 });
}

function rotated(graph: Graph, x: string, bits: number): string {
  return graph.node('BitwiseOr', [
    shifted(graph, x, bits, 'LEFT'),
    shifted(graph, x, 32 - bits, 'RIGHT'),
  ]);
}

function shifted(graph: Graph, x: string, bits: number, direction: 'LEFT' | 'RIGHT'): string {
  return graph.node('BitShift', [x, graph.scalar('uint32', bits)], { direction });
}

function add(graph: Graph, a: string, b: string): string {
  return graph.node('Add', [a, b]);
}

function xor(graph: Graph, a: string, b: string): string {
  return graph.node('BitwiseXor', [a, b]);
}
