// Emits a plan as WebAssembly modules, in which threads share out the units of each phase.

import { refusesValues, type Operand } from '../../../plan/kernel.ts';
import type { Plan } from '../../../plan/plan.ts';
import { BYTES_PER_ELEMENT } from '../../../array/dtype.ts';
import { plus, times } from '../kernel/addressing.ts';
import type { FunctionBuilder, FunctionReference } from '../assembler/function.ts';
import { atomics, drop, i32 } from '../assembler/instructions.ts';
import { ModuleBuilder, type MemoryImport } from '../assembler/module.ts';
import { parametersOf, Routine, signatureOf } from '../assembler/routine.ts';
import { align } from '../memory/heap.ts';
import {
  Routines,
  type KernelCode,
  type Phase,
  type Target,
  type HostPhase,
} from '../kernel/kernel-code.ts';
import { FRAME } from './frame.ts';
import { hostCode, HOST, phaseCode, type StepCode } from './phase-code.ts';
import { dependencies, type PhaseAccess, type Waits } from './schedule.ts';
import { PAUSE, waitRoutine, type WAIT } from './wait.ts';

/** Bytes of the two counters of a phase. Each counter has a cache line of its own. */
const COUNTER_BYTES = 128;

/** Where the units that are done are counted. The units that are taken are counted at byte 0. */
const DONE = 64;

/** Work of fewer nanoseconds than this is not cut into pieces. */
const GRAIN_COST = 20_000;

/** The most pieces that the units of a phase are cut into. */
const MOST_PIECES = 64;

/** The parameters of a function that runs steps. */
const RUN = {
  /** Address of the frame. */
  frame: 'i32',
  /** The number of the thread, which chooses its scratch memory. */
  thread: 'i32',
  /** Whether other threads may take part. */
  shared: 'i32',
} as const;

/** Steps that one function runs. Engines take long to compile functions without end. */
const STEPS_AT_ONCE = 64;

/** A plan as modules, to be run in order. Each exports `run(frame, thread, shared)`. */
export interface WasmProgram {
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
  readonly frameBytes: number;
  /** Where in a frame the counters lie. They must be 0 when a run begins. */
  readonly countersAt: number;
  readonly countersBytes: number;
  readonly workspaceBytes: number;
  /** Bytes of scratch memory for each thread. */
  readonly scratchBytes: number;
  /** Estimated nanoseconds of all units. */
  readonly cost: number;
  /** Estimated nanoseconds of the longest piece: the units that a thread takes at a time. */
  readonly pieceCost: number;
  /** The kernels that are plain JavaScript, by their index. */
  readonly hosts: ReadonlyMap<number, HostPhase['host']>;
}

/** One phase with all that its call needs. */
interface Step extends PhaseAccess {
  readonly phase: Phase;
  /** The index of the phase in its kernel. */
  readonly index: number;
  readonly operands: readonly Operand[];
}

/**
 * Emits a plan as one module, or as several where one would be too large. All threads execute `run`
 * together. Each takes the next units of a phase until none are left. It waits for the others only where a
 * phase needs their results. No thread has to take part: the work is done when all units are, whoever did
 * them.
 *
 * `run` takes the address of the frame, the number of the thread (which chooses its scratch memory),
 * and whether other threads may take part.
 *
 * @param codes The code of each kernel of the plan, for the same target.
 * @param moduleBytes Bytes after which the rest of the plan goes to another module.
 */
export function emitProgram(
  plan: Plan,
  codes: readonly KernelCode[],
  memory: MemoryImport,
  target: Target,
  moduleBytes: number,
): WasmProgram {
  const most = (bytesOf: (code: KernelCode) => number | undefined): number =>
    codes.reduce((bytes, code) => Math.max(bytes, bytesOf(code) ?? 0), 0);
  const scratchBytes = align(most((code) => code.scratchBytes));
  const steps = codes.flatMap((code, kernel) =>
    code.phases.map((phase, index) => stepOf(plan, code, phase, index, kernel)),
  );
  const countersAt = align(FRAME.buffers + 4 * plan.buffers.length);
  const waits = dependencies(plan, steps);
  const hasRefusals = steps.some(({ refuses }) => refuses);
  const overwriting = hasRefusals ? steps.findIndex(({ overwrites }) => overwrites) : -1;
  const layout = { plan, steps, waits, overwriting, countersAt, scratchBytes, moduleBytes };
  const modules: Uint8Array<ArrayBuffer>[] = [];
  for (let next = 0; next < steps.length;) {
    const part = new Part(memory, target, layout);
    next = part.add(next);
    modules.push(part.encode());
  }
  return {
    modules,
    frameBytes: countersAt + steps.length * COUNTER_BYTES,
    countersAt,
    countersBytes: steps.length * COUNTER_BYTES,
    workspaceBytes: most((code) => code.workspaceBytes),
    scratchBytes,
    cost: costOfCodes(codes),
    pieceCost: steps.reduce(
      (longest, { phase }) => Math.max(longest, grainOf(phase) * phase.unitCost),
      0,
    ),
    hosts: new Map(
      steps.flatMap(({ phase, kernel }) =>
        'host' in phase ? [[kernel, phase.host] as const] : [],
      ),
    ),
  };
}

/** Estimated nanoseconds of all units of some kernels. */
export function costOfCodes(codes: readonly KernelCode[]): number {
  const phases = codes.flatMap((code) => code.phases);
  return phases.reduce((sum, { units, unitCost }) => sum + units * unitCost, 0);
}

function stepOf(plan: Plan, code: KernelCode, phase: Phase, index: number, kernel: number): Step {
  const { inputs, outputs } = plan.kernels[kernel];
  const uses = (operands: readonly Operand[]): number[] => operands.map(({ buffer }) => buffer);
  return {
    phase,
    kernel,
    index,
    operands: [...inputs, ...outputs],
    reads: uses(inputs),
    writes: uses(outputs),
    usesWorkspace: (code.workspaceBytes ?? 0) > 0,
    refuses: refusesValues(plan.kernels[kernel]),
    overwrites: outputs.some(({ buffer }) => {
      const { place } = plan.buffers[buffer];
      return place.kind === 'output' && plan.outputs[place.index].donatedInput !== null;
    }),
  };
}

/** What all modules of a plan share. */
interface Layout {
  readonly plan: Plan;
  readonly steps: readonly Step[];
  readonly waits: Waits;
  /** The first step that overwrites a donated buffer, if an earlier step may refuse a value; −1 otherwise. */
  readonly overwriting: number;
  readonly countersAt: number;
  readonly scratchBytes: number;
  readonly moduleBytes: number;
}

/** One module of a plan: some of its steps in order, and the code of their phases. */
class Part {
  readonly #layout: Layout;
  readonly #module: ModuleBuilder;
  readonly #routines: Routines;
  readonly #wait: Routine<typeof WAIT>;
  /** Runs the plain code of a kernel. */
  readonly #host: StepCode;
  /** Functions that run some steps each. */
  readonly #functions: FunctionReference[] = [];

  constructor(memory: MemoryImport, target: Target, layout: Layout) {
    this.#layout = layout;
    this.#module = new ModuleBuilder(memory, { forgets: target.wide });
    const pause = this.#module.import('pause', signatureOf(PAUSE, null));
    const host = this.#module.import('host', signatureOf(HOST, null));
    this.#host = hostCode(new Routine(host, HOST));
    this.#routines = new Routines(this.#module, target);
    this.#wait = waitRoutine(this.#routines, new Routine(pause, PAUSE));
  }

  /**
   * Adds steps from `first` on, at least one, until the module is large enough. The result is the first
   * step left.
   */
  add(first: number): number {
    const { plan, steps, moduleBytes } = this.#layout;
    let next = first;
    const hasRoom = (): boolean => next < steps.length && this.#module.bytes < moduleBytes;
    do {
      const from = next;
      const codes: StepCode[] = [];
      do {
        const { kernel, phase, index } = steps[next++];
        codes.push(
          'host' in phase
            ? this.#host
            : phaseCode(plan.kernels[kernel], phase, index, this.#routines),
        );
      } while (hasRoom() && codes.length < STEPS_AT_ONCE);
      const run = this.#module.define(signatureOf(RUN, null), (f) => {
        emitSteps(f, this.#layout, from, codes, this.#wait);
      });
      this.#functions.push(run);
    } while (hasRoom());
    return next;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const [functions, module] = [this.#functions, this.#module];
    const all = (f: FunctionBuilder): void => {
      const parameters = parametersOf(f, RUN);
      for (const each of functions) new Routine(each, RUN).call(f, parameters);
    };
    const only = functions.length === 1;
    module.export('run', only ? functions[0] : module.define(signatureOf(RUN, null), all));
    return module.encode();
  }
}

/** Code that runs some steps from `first` on. */
function emitSteps(
  f: FunctionBuilder,
  { steps, waits, overwriting, countersAt, scratchBytes }: Layout,
  first: number,
  codes: readonly StepCode[],
  wait: Routine<typeof WAIT>,
): void {
  const { frame, thread, shared } = parametersOf(f, RUN);
  const workspace = f.keep(i32.load(frame, FRAME.workspace));
  const scratch = f.keep(i32.add(i32.load(frame, FRAME.scratch), times(thread, scratchBytes)));
  const taken = f.local('i32');
  const begin = f.local('i32');
  const end = f.local('i32');
  const countersOf = (step: number): number => countersAt + step * COUNTER_BYTES;
  const waitFor = (earlier: readonly number[]): void => {
    if (earlier.length === 0) return;
    f.if(shared, () => {
      for (const step of earlier) {
        const counter = plus(frame, countersOf(step) + DONE);
        wait.call(f, { counter, target: i32.const(steps[step].phase.units) });
      }
    });
  };
  /** Ends a run in which a value was refused, before a donated buffer is overwritten. */
  const endIfRefused = (earlier: readonly number[]): void => {
    f.if(atomics.load(plus(frame, FRAME.refusingKernel)), () => {
      waitFor(earlier);
      f.return();
    });
  };
  if (overwriting !== -1 && overwriting < first) endIfRefused([]);
  codes.forEach((code, i) => {
    const step = first + i;
    const { phase, kernel, operands } = steps[step];
    const units = i32.const(phase.units);
    const grain = grainOf(phase);
    const pointers = operands.map(({ buffer, dtype, view }) =>
      plus(i32.load(frame, FRAME.buffers + 4 * buffer), view.offset * BYTES_PER_ELEMENT[dtype]),
    );
    waitFor(waits.before[step]);
    // All units of the steps before are taken by now, so they will be done.
    if (step === overwriting) endIfRefused(steps.slice(0, step).map((_, at) => at));
    f.set(taken, plus(frame, countersOf(step)));
    f.set(begin, i32.const(0));
    f.set(end, units);
    f.block((out) => {
      if ('host' in phase) f.branchIf(thread, out);
      f.loop((again) => {
        f.if(shared, () => {
          f.set(begin, atomics.add(taken, i32.const(grain)));
          f.branchIf(i32.ge_u(begin, units), out);
          f.set(end, plus(begin, grain));
          f.if(i32.gt_u(end, units), () => {
            f.set(end, units);
          });
        });
        const self = i32.const(kernel + 1);
        code(f, { operands: pointers, workspace, scratch, frame, self, begin, end });
        f.if(shared, () => {
          const before = atomics.add(plus(taken, DONE), i32.sub(end, begin));
          f.if(i32.eq(i32.add(before, i32.sub(end, begin)), units), () => {
            f.emit(drop(atomics.notify(plus(taken, DONE), i32.const(-1))));
          });
          f.branch(again);
        });
      });
    });
  });
  if (first + codes.length === steps.length) waitFor(waits.after);
}

/** How many units a thread takes at a time. */
function grainOf({ units, unitCost }: Phase): number {
  const worthwhile = Math.ceil(GRAIN_COST / Math.max(1, unitCost));
  return Math.min(units, Math.max(1, worthwhile, Math.ceil(units / MOST_PIECES)));
}
