// Attention for a block of queries at a time: logits, weights and sums stay in the cache.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { AttentionParams } from '../../../composites/attention.ts';
import { atMost, plus, times } from '../kernel/addressing.ts';
import { i32 } from '../assembler/instructions.ts';
import type { I32 } from '../assembler/code.ts';
import {
  attentionSizes,
  clearOutput,
  fetchRows,
  layOut,
  matrixOf,
  packMatrix,
  rowsFrom,
  transposed,
} from './attention-operands.ts';
import {
  exponentialsRoutine,
  forEachPanel,
  invertSums,
  rescale,
  STATE_BYTES,
} from './attention-panel.ts';
import { ATTENTION_COST } from '../kernel/cost.ts';
import type { KernelCode, PhaseBody, Target } from '../kernel/kernel-code.ts';
import { multiplyPanel, PANEL_ROWS, panelTile, queriesOf, rowBytesOf } from './panel-product.ts';
import { writeRowsRoutine } from './panel-rows.ts';
import { leftBytes, rightBytes } from '../product/product.ts';

/** The most queries of a unit. */
const QUERY_BLOCK = 128;

/** The most keys that are looked at together. */
const KEY_BLOCK = 256;

/**
 * `y = softmax(scale · q kᵀ) v`, a block of queries at a time. Keys and values are packed as left operands.
 * Each panel of queries goes through three steps that stay in the cache: products with the
 * keys, exponentials, products with the values. Many keys are taken into account one block after the other,
 * with sums relative to the largest logit so far.
 *
 * Scratch memory is at most about (E + 1.5 F + 18) KiB, however many queries and keys there are.
 *
 * Source: Milakov & Gimelshein 2018, "Online normalizer calculation for softmax", algorithm 3; Dao et
 * al. 2022, "FlashAttention", algorithm 1.
 */
export function attention(
  kernel: CallKernel,
  { scale }: AttentionParams,
  target: Target,
): KernelCode {
  const { batch, T, S, E, F } = attentionSizes(kernel);
  if (batch * T * F === 0) return { phases: [] };
  if (S === 0) return { phases: [clearOutput(kernel, 0)] };
  const queryBlocks = Math.ceil(T / QUERY_BLOCK);
  const layout = scratchLayout(kernel, target);
  const cost = ATTENTION_COST;
  return {
    phases: [
      {
        units: batch * queryBlocks,
        unitCost: cost.unit + cost.product * Math.min(T, QUERY_BLOCK) * S * (E + F + cost.softmax),
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

type ScratchPart = 'panel' | 'keys' | 'values' | 'weights' | 'sums' | 'states';

function scratchLayout(kernel: CallKernel, target: Target): ReturnType<typeof layOut<ScratchPart>> {
  const { T, S, E, F } = attentionSizes(kernel);
  const tile = panelTile(target);
  const panels = Math.ceil(Math.min(T, QUERY_BLOCK) / tile.columns);
  const keys = Math.min(S, KEY_BLOCK);
  return layOut({
    panel: rightBytes(tile, 1, E),
    keys: leftBytes(tile, keys, E),
    values: leftBytes(tile, F, keys),
    weights: rowBytesOf(tile.columns) * (keys + PANEL_ROWS),
    sums: panels * sumBytes(F, target),
    states: panels * STATE_BYTES,
  });
}

/** Code for one block of queries and all keys. */
function emitUnit(body: PhaseBody, kernel: CallKernel, scale: number, unit: I32): void {
  const { f, routines, inputs, outputs, scratch } = body;
  const { T, S, E, F } = attentionSizes(kernel);
  const { target } = routines;
  const { places } = scratchLayout(kernel, target);
  const most = queriesOf(target);
  const at = (part: ScratchPart): I32 => plus(scratch, places[part]);
  const queryBlocks = Math.ceil(T / QUERY_BLOCK);
  const index = f.keep(i32.div_u(unit, i32.const(queryBlocks)));
  const firstQuery = f.keep(times(i32.rem_u(unit, i32.const(queryBlocks)), QUERY_BLOCK));
  const queries = f.keep(atMost(i32.sub(i32.const(T), firstQuery), QUERY_BLOCK));
  const [q, k, v] = kernel.inputs.map((operand, i) => matrixOf(f, operand, inputs[i], index));
  const blockOfQ = rowsFrom(f, q, firstQuery);
  fetchRows(f, blockOfQ, queries, E);
  const [panel, weights] = [f.keep(at('panel')), f.keep(at('weights'))];
  const depthE = i32.const(E);
  f.for({ from: 0, to: S, step: KEY_BLOCK }, (firstKey) => {
    const keys = f.keep(atMost(i32.sub(i32.const(S), firstKey), KEY_BLOCK));
    const continues = f.keep(i32.ne(firstKey, i32.const(0)));
    const depthF = i32.const(F);
    const [blockOfK, blockOfV] = [k, v].map((matrix) => rowsFrom(f, matrix, firstKey));
    fetchRows(f, blockOfK, keys, E);
    fetchRows(f, blockOfV, keys, F);
    packMatrix(body, PANEL_ROWS, at('keys'), blockOfK, { rows: keys, depth: depthE });
    const columns = { rows: depthF, depth: keys };
    packMatrix(body, PANEL_ROWS, at('values'), transposed(blockOfV), columns);
    const from = f.keep(blockOfQ.address);
    const sums = f.keep(at('sums'));
    const state = f.keep(at('states'));
    forEachPanel(f, queries, T, target, (width, left) => {
      const rows = atMost(left, width);
      packMatrix(body, width, panel, { ...q, address: from }, { rows, depth: depthE });
      const logits = { left: at('keys'), rows: keys, right: panel, depth: depthE, to: weights };
      multiplyPanel(body, width, logits);
      const exponentials = exponentialsRoutine(routines, width, scale);
      exponentials.call(f, { panel: weights, keys, state, continues });
      if (S > KEY_BLOCK) {
        f.if(continues, () => {
          rescale(f, width, sums, F, state);
        });
      }
      const sum = { left: at('values'), rows: depthF, right: weights, depth: keys, to: sums };
      multiplyPanel(body, width, { ...sum, adds: continues });
      f.increase(from, 4 * most * q.strides.row);
      f.increase(sums, sumBytes(F, target));
      f.increase(state, STATE_BYTES);
    });
  });
  const sums = f.keep(at('sums'));
  const state = f.keep(at('states'));
  const row = i32.add(i32.mul(index, i32.const(T)), firstQuery);
  const to = f.keep(i32.add(outputs[0], times(row, 4 * F)));
  forEachPanel(f, queries, T, target, (width, left) => {
    invertSums(f, width, state);
    const rows = atMost(left, width);
    const columns = i32.const(F);
    writeRowsRoutine(routines, width).call(f, { panel: sums, columns, state, queries: rows, to });
    f.increase(sums, sumBytes(F, target));
    f.increase(state, STATE_BYTES);
    f.increase(to, 4 * F * most);
  });
}

/** Bytes of the sums of values of a panel. */
function sumBytes(F: number, target: Target): number {
  return rowBytesOf(queriesOf(target)) * PANEL_ROWS * Math.ceil(F / PANEL_ROWS);
}
