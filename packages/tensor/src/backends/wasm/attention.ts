import type { CallKernel } from '../../compile/kernel.ts';
import type { AttentionParams } from '../../composites/attention.ts';
import { plus, times } from './addressing.ts';
import { i32 } from './assembler/instructions.ts';
import type { I32 } from './assembler/code.ts';
import {
  attentionSizes,
  clearOutput,
  layOut,
  matrixOf,
  packPanels,
  rowsFrom,
  smaller,
  transposed,
} from './attention-operands.ts';
import {
  exponentialsRoutine,
  forEachPanel,
  invertSums,
  multiplyPanel,
  QUERIES,
  rescale,
  ROW_BYTES,
  STATE_BYTES,
  writeRowsRoutine,
} from './attention-panel.ts';
import type { KernelCode, PhaseBody } from './kernel-code.ts';
import { leftBytes, rightPanelBytes } from './product.ts';
import { TILE_ROWS } from './tile.ts';

/** Queries of a unit at most. */
const QUERY_BLOCK = 128;

/** Keys that are looked at together at most. */
const KEY_BLOCK = 256;

/**
 * `y = softmax(scale · q kᵀ) v`, a block of queries at a time: keys and values are packed as left
 * operands, and each panel of eight queries goes through three steps that stay in the cache: products
 * with the keys, exponentials, products with the values. Of many keys one block after the other is
 * taken into account, with sums relative to the largest logit so far.
 *
 * Scratch memory is about 1.5 · (E + F) + 10 KiB at most, however many queries and keys there are.
 *
 * Source: Milakov & Gimelshein 2018, "Online normalizer calculation for softmax", algorithm 3; Dao et
 * al. 2022, "FlashAttention", algorithm 1.
 */
export function attention(kernel: CallKernel, { scale }: AttentionParams): KernelCode {
  const { batch, T, S, E, F } = attentionSizes(kernel);
  if (batch * T * F === 0) return { phases: [] };
  if (S === 0) return { phases: [clearOutput(kernel, 0)] };
  const queryBlocks = Math.ceil(T / QUERY_BLOCK);
  const layout = scratchLayout(kernel);
  return {
    phases: [
      {
        units: batch * queryBlocks,
        unitCost: 200 + 0.05 * Math.min(T, QUERY_BLOCK) * S * (E + F + 12),
        emit: (body) => {
          body.f.for({ from: body.begin, to: body.end }, (unit) => {
            emitUnit(body, kernel, scale, unit);
          });
        },
      },
    ],
    scratchBytes: layout.bytes,
  };
}

type ScratchPart = 'queries' | 'keys' | 'values' | 'weights' | 'sums' | 'states';

function scratchLayout(kernel: CallKernel): ReturnType<typeof layOut<ScratchPart>> {
  const { T, S, E, F } = attentionSizes(kernel);
  const panels = Math.ceil(Math.min(T, QUERY_BLOCK) / QUERIES);
  const keys = Math.min(S, KEY_BLOCK);
  return layOut({
    queries: panels * rightPanelBytes(E),
    keys: leftBytes(keys, E),
    values: leftBytes(F, keys),
    weights: ROW_BYTES * (keys + TILE_ROWS),
    sums: panels * sumBytes(F),
    states: panels * STATE_BYTES,
  });
}

/** Code for one block of queries and all keys. */
function emitUnit(body: PhaseBody, kernel: CallKernel, scale: number, unit: I32): void {
  const { f, routines, inputs, outputs, scratch } = body;
  const { T, S, E, F } = attentionSizes(kernel);
  const { places } = scratchLayout(kernel);
  const at = (part: ScratchPart): I32 => plus(scratch, places[part]);
  const queryBlocks = Math.ceil(T / QUERY_BLOCK);
  const index = f.keep(i32.div_u(unit, i32.const(queryBlocks)));
  const firstQuery = f.keep(times(i32.rem_u(unit, i32.const(queryBlocks)), QUERY_BLOCK));
  const queries = f.keep(smaller(i32.sub(i32.const(T), firstQuery), QUERY_BLOCK));
  const [q, k, v] = kernel.inputs.map((operand, i) => matrixOf(f, operand, inputs[i], index));
  packPanels(body, QUERIES, at('queries'), rowsFrom(f, q, firstQuery), {
    rows: queries,
    depth: i32.const(E),
  });
  const exponentials = exponentialsRoutine(routines, scale);
  const weights = f.keep(at('weights'));
  f.for({ from: 0, to: S, step: KEY_BLOCK }, (firstKey) => {
    const keys = f.keep(smaller(i32.sub(i32.const(S), firstKey), KEY_BLOCK));
    const continues = f.keep(i32.ne(firstKey, i32.const(0)));
    const keyRows = { rows: keys, depth: i32.const(E) };
    packPanels(body, TILE_ROWS, at('keys'), rowsFrom(f, k, firstKey), keyRows);
    const valueRows = { rows: i32.const(F), depth: keys };
    packPanels(body, TILE_ROWS, at('values'), transposed(rowsFrom(f, v, firstKey)), valueRows);
    const panel = f.keep(at('queries'));
    const sums = f.keep(at('sums'));
    const state = f.keep(at('states'));
    forEachPanel(f, queries, () => {
      multiplyPanel(body, {
        left: at('keys'),
        rows: keys,
        right: panel,
        depth: i32.const(E),
        to: weights,
      });
      f.call(exponentials, weights, keys, state, continues);
      if (S > KEY_BLOCK) {
        f.if(continues, () => {
          rescale(f, sums, F, state);
        });
      }
      multiplyPanel(body, {
        left: at('values'),
        rows: i32.const(F),
        right: weights,
        depth: keys,
        to: sums,
        adds: continues,
      });
      f.increase(panel, rightPanelBytes(E));
      f.increase(sums, sumBytes(F));
      f.increase(state, STATE_BYTES);
    });
  });
  const sums = f.keep(at('sums'));
  const state = f.keep(at('states'));
  const row = i32.add(i32.mul(index, i32.const(T)), firstQuery);
  const to = f.keep(i32.add(outputs[0], times(row, 4 * F)));
  forEachPanel(f, queries, (left) => {
    invertSums(f, state);
    f.call(writeRowsRoutine(routines), sums, i32.const(F), state, smaller(left, QUERIES), to);
    f.increase(sums, sumBytes(F));
    f.increase(state, STATE_BYTES);
    f.increase(to, 4 * F * QUERIES);
  });
}

/** Bytes of the sums of values of a panel. */
function sumBytes(F: number): number {
  return ROW_BYTES * TILE_ROWS * Math.ceil(F / TILE_ROWS);
}
