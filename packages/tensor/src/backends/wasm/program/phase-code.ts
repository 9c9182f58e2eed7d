// The function of one phase of a kernel, and the code that calls it.

import { expressionKey, type CallKernel, type Kernel } from '../../../plan/kernel.ts';
import { formatParams } from '../../../primitives/primitive.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { atomics, i32 } from '../assembler/instructions.ts';
import type { Arguments, Routine } from '../assembler/routine.ts';
import { plus } from '../kernel/addressing.ts';
import type { EmittedPhase, Routines } from '../kernel/kernel-code.ts';
import { FRAME } from './frame.ts';

/** The parameters of every phase. Those for its operands and constants come before them. */
const PHASE = {
  /** Address of the memory that the threads share. */
  workspace: 'i32',
  /** Address of the memory of this thread. */
  scratch: 'i32',
  /** Address of the frame. */
  frame: 'i32',
  /** 1 + the index of the kernel. */
  self: 'i32',
  /** The first unit. */
  begin: 'i32',
  /** One past the last unit. */
  end: 'i32',
} as const;

/** The parameters of `host`, an import that runs the plain code of a kernel. */
export const HOST = {
  /** Address of the frame. */
  frame: 'i32',
  /** 1 + the index of the kernel. */
  self: 'i32',
} as const;

/** What the code of a step has at hand. */
interface StepArguments extends Arguments<typeof PHASE> {
  /** The address of each operand: inputs, then outputs. */
  readonly operands: readonly I32[];
}

/** Writes a call that does units `begin … end − 1` of a step. */
export type StepCode = (f: FunctionBuilder, args: StepArguments) => void;

/** The code of a step whose kernel is plain JavaScript. */
export function hostCode(host: Routine<typeof HOST>): StepCode {
  return (f, { frame, self }) => {
    host.call(f, { frame, self });
  };
}

/** The code of a phase: a call of its function. Phases of equal code share one function. */
export function phaseCode(
  kernel: Kernel,
  phase: EmittedPhase,
  index: number,
  routines: Routines,
): StepCode {
  const key = phase.key ?? `${kernelKey(kernel)} phase ${index}`;
  const constants = (phase.constants ?? []).map((value) => i32.const(value));
  const names = {
    inputs: kernel.inputs.map((_, i) => `input ${i}`),
    outputs: kernel.outputs.map((_, i) => `output ${i}`),
    constants: constants.map((_, i) => `constant ${i}`),
  };
  const numbered = [...names.inputs, ...names.outputs, ...names.constants];
  const parameters: Readonly<Record<string, 'i32'>> & typeof PHASE = {
    ...Object.fromEntries(numbered.map((name) => [name, 'i32' as const])),
    ...PHASE,
  };
  const routine = routines.get(key, parameters, (f, locals) => {
    const { workspace, scratch, frame, self, begin, end } = locals;
    phase.emit({
      f,
      inputs: names.inputs.map((name) => locals[name]),
      outputs: names.outputs.map((name) => locals[name]),
      constants: names.constants.map((name) => locals[name]),
      workspace,
      scratch,
      begin,
      end,
      routines,
      refuse: (value) => {
        refuse(f, frame, self, value);
      },
    });
  });
  return (f, { operands, ...rest }) => {
    const values = [...operands, ...constants];
    const first = Object.fromEntries(numbered.map((name, i) => [name, values[i]]));
    routine.call(f, { ...first, ...rest });
  };
}

/** Code that notes a refused value, unless an earlier one is noted already. */
function refuse(f: FunctionBuilder, frame: I32, kernel: I32, value: I32): void {
  const kept = f.keep(value);
  const at = plus(frame, FRAME.refusingKernel);
  const before = atomics.compareExchange(at, i32.const(0), kernel);
  f.if(i32.eqz(before), () => {
    f.emit(i32.store(frame, kept, FRAME.refusedValue));
  });
}

/** What distinguishes the code of kernels: everything but buffers and offsets. */
function kernelKey(kernel: Kernel): string {
  const operands = [...kernel.inputs, ...kernel.outputs].map(
    ({ dtype, view }) => `${dtype}[${view.shape.join()}]/${view.strides.join()}`,
  );
  const what =
    kernel.kind === 'call'
      ? `${kernel.operation.name} ${formatParams(kernel.params)} ${epilogueKey(kernel)}`
      : kernel.kind === 'map'
        ? `map [${kernel.shape.join()}] ${expressionKey(kernel.expression)}`
        : `${kernel.primitive.name} [${kernel.shape.join()}] over ${kernel.axes.join()} ${expressionKey(kernel.expression)}`;
  return `${what} ${operands.join(' ')}`;
}

function epilogueKey({ epilogue }: CallKernel): string {
  if (epilogue === undefined) return '';
  return `${epilogue.operands} [${epilogue.shape.join()}] ${expressionKey(epilogue.expression)}`;
}
