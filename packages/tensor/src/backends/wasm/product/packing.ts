// Packs rows of a matrix with any strides into panels that the product's inner loop reads in order.

/**
 * Operands of products as panels. A panel is `[depth, width]`: all that one step of the tile needs lies
 * together. Rows that are missing at the edge of a matrix become zeros.
 */
import { atMost, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import { i8x16, v128 } from '../assembler/simd.ts';
import type { ParameterLocals, Routine } from '../assembler/routine.ts';
import type { PhaseBody, Routines } from '../kernel/kernel-code.ts';

/** The parameters of all packing functions. */
const PANEL = {
  to: 'i32',
  from: 'i32',
  depth: 'i32',
  /** Bytes from step to step of the matrix. */
  stepBytes: 'i32',
  /** Bytes from row to row of the matrix. */
  rowBytes: 'i32',
  /** Rows of the panel that exist in the matrix. */
  rows: 'i32',
} as const;

/** The strides of a matrix `[row, step]`. A panel takes `width` of its rows. */
export interface PanelStrides {
  /** Elements from row to row. */
  readonly row: number;
  /** Elements from step to step along the depth. */
  readonly step: number;
}

/** Code that packs one panel of `width` rows (4, 6, 8 or 16). `rows` of them exist in the matrix. */
export function packPanel(
  { f, routines }: Pick<PhaseBody, 'f' | 'routines'>,
  width: number,
  panel: {
    readonly to: I32;
    readonly from: I32;
    readonly depth: I32;
    readonly rows: I32;
    readonly strides: PanelStrides;
  },
): void {
  const { to, from, depth, rows, strides } = panel;
  const stepBytes = i32.const(4 * strides.step);
  const rowBytes = i32.const(4 * strides.row);
  const routine = packRoutine(routines, width, strides);
  routine.call(f, { to, from, depth, stepBytes, rowBytes, rows });
}

/**
 * Code that packs `count` rows of a matrix as panels of `width` rows, one behind the other. Where rows are
 * neighbours in memory, wide targets pack all whole panels together, step by step: so each cache line is read
 * once. Narrow panels are too small for that to pay.
 */
export function packPanels(
  body: Pick<PhaseBody, 'f' | 'routines'>,
  width: number,
  panels: {
    readonly to: I32;
    readonly from: I32;
    readonly depth: I32;
    readonly count: I32;
    readonly strides: PanelStrides;
  },
): void {
  const { f, routines } = body;
  const { depth, strides } = panels;
  const to = f.keep(panels.to);
  const from = f.keep(panels.from);
  const left = f.keep(panels.count);
  const panelBytes = f.keep(times(depth, 4 * width));
  const advance = (count: I32): void => {
    f.increase(to, i32.mul(panelBytes, count));
    f.increase(from, times(count, 4 * width * strides.row));
    f.increase(left, times(count, -width));
  };
  if (strides.row === 1 && routines.target.wide) {
    const whole = f.keep(i32.div_u(left, i32.const(width)));
    const stepBytes = i32.const(4 * strides.step);
    wholePanelsRoutine(routines, width).call(f, { to, from, depth, stepBytes, panels: whole });
    advance(whole);
  }
  f.while(
    () => i32.gt_s(left, i32.const(0)),
    () => {
      packPanel(body, width, { to, from, depth, rows: atMost(left, width), strides });
      advance(i32.const(1));
    },
  );
}

const WHOLE_PANELS = {
  to: 'i32',
  from: 'i32',
  depth: 'i32',
  /** Bytes from step to step of the matrix. */
  stepBytes: 'i32',
  /** How many panels. */
  panels: 'i32',
} as const;

/** The function that packs whole panels of `width` neighbouring rows, one step of all panels at a time. */
function wholePanelsRoutine(routines: Routines, width: number): Routine<typeof WHOLE_PANELS> {
  return routines.get(
    `pack ${width} panels`,
    WHOLE_PANELS,
    (f, { to, from, depth, stepBytes, panels }) => {
      const panelBytes = f.keep(times(depth, 4 * width));
      f.for({ from: 0, to: depth }, () => {
        const target = f.keep(to);
        const source = f.keep(from);
        f.for({ from: 0, to: panels }, () => {
          copyRows(f, width, target, source);
          f.increase(target, panelBytes);
          f.increase(source, 4 * width);
        });
        f.increase(to, 4 * width);
        f.increase(from, stepBytes);
      });
    },
  );
}

/** Copies one step of a panel from neighbouring rows. */
function copyRows(f: FunctionBuilder, width: number, to: I32, from: I32): void {
  for (let row = 0; row < width; row += 4) {
    const byte = 4 * row;
    if (width - row >= 4) f.emit(v128.store(to, v128.load(from, byte), byte));
    else f.emit(v128.store64_lane(to, v128.load64_zero(from, byte), 0, byte));
  }
}

/**
 * The function that packs panels of `width` rows from a matrix of these strides. It works by vectors where
 * rows or steps are neighbours in memory, else element by element.
 */
function packRoutine(
  routines: Routines,
  width: number,
  { row, step }: PanelStrides,
): Routine<typeof PANEL> {
  const kind = row === 1 ? 'rows' : step === 1 ? 'steps' : 'scattered';
  return routines.get(`pack ${width} ${kind}`, PANEL, (f, parameters) => {
    const panel = { ...parameters, width };
    if (kind === 'scattered') {
      packOneByOne(f, panel, i32.const(0));
      return;
    }
    f.if(
      i32.eq(panel.rows, i32.const(width)),
      () => {
        if (kind === 'rows') packNeighbouringRows(f, panel);
        else packNeighbouringSteps(f, panel);
      },
      () => {
        packOneByOne(f, panel, i32.const(0));
      },
    );
  });
}

interface Panel extends ParameterLocals<typeof PANEL> {
  readonly width: number;
}

/** Rows are neighbours in memory: each step is a copy of `width` of them, by vectors. */
function packNeighbouringRows(f: FunctionBuilder, panel: Panel): void {
  const { to, from, depth, stepBytes, width } = panel;
  f.for({ from: 0, to: depth }, () => {
    copyRows(f, width, to, from);
    f.increase(to, 4 * width);
    f.increase(from, stepBytes);
  });
}

/**
 * Steps are neighbours in memory: four steps of four rows are a 4 × 4 transpose in registers. Of six rows,
 * the last two are repeated for that; their halves of the columns are stored.
 */
function packNeighbouringSteps(f: FunctionBuilder, panel: Panel): void {
  const { to, from, depth, rowBytes, width } = panel;
  const step = f.local('i32');
  f.while(
    () => i32.le_u(plus(step, 4), depth),
    () => {
      for (let first = 0; first < width; first += 4) {
        const row = f.keep(i32.add(from, i32.mul(rowBytes, i32.const(first))));
        const count = Math.min(4, width - first);
        const rows = Array.from({ length: count }, (_, i) => {
          const vector = f.keep(v128.load(row));
          if (i < count - 1) f.increase(row, rowBytes);
          return vector;
        });
        transpose4(
          f,
          [0, 1, 2, 3].map((i) => rows[i % count]),
        ).forEach((vector, i) => {
          const at = 4 * (i * width + first);
          f.emit(count === 4 ? v128.store(to, vector, at) : v128.store64_lane(to, vector, 0, at));
        });
      }
      f.increase(to, 16 * width);
      f.increase(from, 16);
      f.increase(step, 4);
    },
  );
  packOneByOne(f, panel, step);
}

/** Packs the steps from `first` on, element by element. `to` and `from` already point at that step. */
function packOneByOne(f: FunctionBuilder, panel: Panel, first: I32): void {
  const { to, from, depth, stepBytes, rowBytes, rows, width } = panel;
  f.for({ from: first, to: depth }, () => {
    const row = f.keep(from);
    for (let i = 0; i < width; i++) {
      f.if(
        i32.lt_u(i32.const(i), rows),
        () => {
          f.emit(f32.store(to, f32.load(row), 4 * i));
          f.increase(row, rowBytes);
        },
        () => {
          f.emit(f32.store(to, f32.const(0), 4 * i));
        },
      );
    }
    f.increase(to, 4 * width);
    f.increase(from, stepBytes);
  });
}

/** The columns of a 4 × 4 matrix given by its rows. */
export function transpose4(f: FunctionBuilder, rows: readonly Local<'v128'>[]): Local<'v128'>[] {
  const interleaveLow = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
  const interleaveHigh = interleaveLow.map((byte) => byte + 8);
  const low = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const high = low.map((byte) => byte + 8);
  const ab01 = f.keep(i8x16.shuffle(rows[0], rows[1], interleaveLow));
  const ab23 = f.keep(i8x16.shuffle(rows[0], rows[1], interleaveHigh));
  const cd01 = f.keep(i8x16.shuffle(rows[2], rows[3], interleaveLow));
  const cd23 = f.keep(i8x16.shuffle(rows[2], rows[3], interleaveHigh));
  return [
    f.keep(i8x16.shuffle(ab01, cd01, low)),
    f.keep(i8x16.shuffle(ab01, cd01, high)),
    f.keep(i8x16.shuffle(ab23, cd23, low)),
    f.keep(i8x16.shuffle(ab23, cd23, high)),
  ];
}
