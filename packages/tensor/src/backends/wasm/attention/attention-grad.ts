// The gradient of attention: recomputes the weights of some queries, then adds to q̄, k̄ and v̄.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { AttentionParams } from '../../../composites/attention.ts';
import { atMost, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import {
  attentionSizes,
  clearOutput,
  fetchRows,
  layOut,
  matrixOf,
  packMatrix,
  rowsFrom,
  transposed,
  type Matrix,
} from './attention-operands.ts';
import {
  clearFactors,
  exponentialsRoutine,
  forEachPanel,
  invertSums,
  softmaxGradRoutine,
  STATE_BYTES,
} from './attention-panel.ts';
import { ATTENTION_COST } from '../kernel/cost.ts';
import type { KernelCode, PhaseBody, Target } from '../kernel/kernel-code.ts';
import { multiplyPanel, PANEL_ROWS, panelTile, queriesOf, rowBytesOf } from './panel-product.ts';
import { writeRowsRoutine } from './panel-rows.ts';
import { edgeBytes, leftBytes, productRoutine, rightBytes } from '../product/product.ts';

/** Elements of p that are kept for a block of queries; at least those of one panel of queries. */
const KEPT_WEIGHTS = 65536;

/** The most queries of a block. */
const QUERY_BLOCK = 128;

/**
 * q̄, k̄ and v̄ of attention. A unit is one index of the batch. Panel by panel, a block of queries computes
 * the weights p, the gradients s̄ of the logits, and `q̄ = s̄ k`. Both p and s̄ are kept, transposed, until
 * the block adds `k̄ += s̄ᵀ q` and `v̄ += pᵀ ȳ`.
 *
 * Scratch memory is about 4 · S · (2 E + F) bytes for the packed keys and values, 512 · max(E, F) bytes for
 * queries or cotangents, and at most 512 KiB (or 128 S bytes, if that is more) for p and s̄, beside
 * as much again for one panel of each.
 */
export function attentionGrad(
  kernel: CallKernel,
  { scale }: AttentionParams,
  target: Target,
): KernelCode {
  const { batch, T, S, E, F } = attentionSizes(kernel);
  if (T * S === 0) return { phases: kernel.outputs.map((_, i) => clearOutput(kernel, i)) };
  const cost = ATTENTION_COST;
  return {
    phases: [
      {
        units: batch,
        unitCost: cost.gradUnit + cost.product * T * S * (3 * E + 2 * F + cost.softmaxGrad),
        emit: (body) => {
          body.f.for({ from: body.begin, to: body.end }, (index) => {
            emitUnit(body, kernel, scale, index);
          });
        },
      },
    ],
    scratchBytes: scratchLayout(kernel, target).bytes,
  };
}

type ScratchPart =
  | 'keys'
  | 'keyColumns'
  | 'values'
  | 'right'
  | 'weights'
  | 'slopes'
  | 'keptWeights'
  | 'keptSlopes'
  | 'sums'
  | 'state'
  | 'edge';

/** How many queries a block has: whole panels. */
function blockOf(kernel: CallKernel, target: Target): number {
  const most = queriesOf(target);
  const { T, S } = attentionSizes(kernel);
  const kept = Math.max(1, Math.floor(KEPT_WEIGHTS / S / most));
  return Math.min(QUERY_BLOCK, most * Math.min(kept, Math.ceil(T / most)));
}

function scratchLayout(kernel: CallKernel, target: Target): ReturnType<typeof layOut<ScratchPart>> {
  const tile = panelTile(target);
  const { S, E, F } = attentionSizes(kernel);
  const block = blockOf(kernel, target);
  const panelBytes = rowBytesOf(tile.columns) * PANEL_ROWS * Math.ceil(S / PANEL_ROWS);
  return layOut({
    keys: leftBytes(tile, S, E),
    keyColumns: leftBytes(tile, E, S),
    values: leftBytes(tile, S, F),
    right: rightBytes(tile, Math.max(E, F), block),
    weights: panelBytes,
    slopes: panelBytes,
    keptWeights: leftBytes(tile, S, block),
    keptSlopes: leftBytes(tile, S, block),
    sums: rowBytesOf(tile.columns) * PANEL_ROWS * Math.ceil(E / PANEL_ROWS),
    state: STATE_BYTES,
    edge: edgeBytes(tile),
  });
}

/** Code for one index of the batch. */
function emitUnit(body: PhaseBody, kernel: CallKernel, scale: number, index: I32): void {
  const { f, routines, inputs, outputs, scratch } = body;
  const { T, S, E, F } = attentionSizes(kernel);
  const { target } = routines;
  const { places } = scratchLayout(kernel, target);
  const at = (part: ScratchPart): I32 => plus(scratch, places[part]);
  const [keys, depthE, depthF] = [S, E, F].map((size) => i32.const(size));
  const matrices = kernel.inputs.map((operand, i) => matrixOf(f, operand, inputs[i], index));
  const [q, k, v, cotangent] = matrices;
  fetchRows(f, k, keys, E);
  fetchRows(f, v, keys, F);
  packMatrix(body, PANEL_ROWS, at('keys'), k, { rows: keys, depth: depthE });
  packMatrix(body, PANEL_ROWS, at('keyColumns'), transposed(k), { rows: depthE, depth: keys });
  packMatrix(body, PANEL_ROWS, at('values'), v, { rows: keys, depth: depthF });
  const [toQ, toK, toV] = [T * E, S * E, S * F].map((size, i) =>
    f.keep(i32.add(outputs[i], times(index, 4 * size))),
  );
  const block = blockOf(kernel, target);
  f.for({ from: 0, to: T, step: block }, (first) => {
    const queries = f.keep(atMost(i32.sub(i32.const(T), first), block));
    const blockOfQ = rowsFrom(f, q, first);
    const blockOfCotangent = rowsFrom(f, cotangent, first);
    fetchRows(f, blockOfQ, queries, E);
    fetchRows(f, blockOfCotangent, queries, F);
    emitPanels(body, kernel, scale, { q: blockOfQ, cotangent: blockOfCotangent, queries, toQ });
    const tile = panelTile(target);
    const product = productRoutine(routines, tile);
    const isLater = f.keep(i32.ne(first, i32.const(0)));
    const accumulate = (part: ScratchPart, operand: Matrix, width: number, to: I32): void => {
      const right = f.keep(at('right'));
      const columns = i32.const(width);
      packMatrix(body, tile.columns, right, transposed(operand), { rows: columns, depth: queries });
      product.call(f, {
        a: at(part),
        rows: keys,
        b: right,
        offsets: i32.const(0),
        columns,
        depth: queries,
        c: to,
        rowBytes: i32.const(4 * width),
        adds: isLater,
        scratch: at('edge'),
      });
    };
    accumulate('keptSlopes', blockOfQ, E, toK);
    accumulate('keptWeights', blockOfCotangent, F, toV);
  });
}

/** A block of queries with their cotangents, and where its q̄ goes. */
interface QueryBlock {
  readonly q: Matrix;
  readonly cotangent: Matrix;
  readonly queries: I32;
  readonly toQ: Local<'i32'>;
}

/** Code for the panels of a block. It writes q̄, moves `toQ` on, and keeps p and s̄. */
function emitPanels(
  body: PhaseBody,
  kernel: CallKernel,
  scale: number,
  { q, cotangent, queries, toQ }: QueryBlock,
): void {
  const { f, routines, scratch } = body;
  const { T, S, E, F } = attentionSizes(kernel);
  const { target } = routines;
  const { places } = scratchLayout(kernel, target);
  const at = (part: ScratchPart): Local<'i32'> => f.keep(plus(scratch, places[part]));
  const [keys, depthE, depthF] = [S, E, F].map((size) => i32.const(size));
  const [right, weights, slopes, sums, state] = (
    ['right', 'weights', 'slopes', 'sums', 'state'] as const
  ).map(at);
  const toP = at('keptWeights');
  const toS = at('keptSlopes');
  const fromQ = f.keep(q.address);
  const fromCotangent = f.keep(cotangent.address);
  const panelBytes = f.keep(times(queries, 4 * PANEL_ROWS));
  const most = queriesOf(target);
  forEachPanel(f, queries, T, target, (width, left) => {
    const rows = f.keep(atMost(left, width));
    packMatrix(body, width, right, { ...q, address: fromQ }, { rows, depth: depthE });
    const logits = { left: at('keys'), rows: keys, right, depth: depthE, to: weights };
    multiplyPanel(body, width, logits);
    const exponentials = exponentialsRoutine(routines, width, scale);
    exponentials.call(f, { panel: weights, keys, state, continues: i32.const(0) });
    invertSums(f, width, state);
    const cotangents = { ...cotangent, address: fromCotangent };
    packMatrix(body, width, right, cotangents, { rows, depth: depthF });
    multiplyPanel(body, width, {
      left: at('values'),
      rows: keys,
      right,
      depth: depthF,
      to: slopes,
    });
    const gradient = softmaxGradRoutine(routines, width, scale);
    gradient.call(f, { weights, slopes, keys, state, toP, toS, panelBytes, queries: rows });
    const product = { left: at('keyColumns'), rows: depthE, right: slopes, depth: keys, to: sums };
    multiplyPanel(body, width, product);
    clearFactors(f, width, state);
    const finished = { panel: sums, columns: depthE, state, queries: rows, to: toQ };
    writeRowsRoutine(routines, width).call(f, finished);
    f.increase(fromQ, 4 * most * q.strides.row);
    f.increase(fromCotangent, 4 * most * cotangent.strides.row);
    f.increase(toP, 4 * PANEL_ROWS * most);
    f.increase(toS, 4 * PANEL_ROWS * most);
    f.increase(toQ, 4 * most * E);
  });
}
