import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, cpuBackend, type Tensor } from '@tessera/tensor';
import {
  checkProgram,
  formatProgram,
  fuse,
  isContiguous,
  planMemory,
  simplify,
  trace,
  type Kernel,
  type Plan,
  type Program,
} from '@tessera/tensor/extend';
import { programInputs, runProgram, steps, type Step } from './programs.ts';

const BYTES = { float32: 4, int32: 4, bool: 1 } as const;

function traced(program: readonly Step[]): Program {
  const specs = programInputs(0).map(({ shape, dtype }) => ({ shape, dtype }));
  return trace((inputs) => runProgram(inputs, program), specs, {
    composites: new Set(),
    capture: () => {
      throw new Error('random programs capture nothing');
    },
  });
}

function planOf(program: Program, donated: readonly number[] = []): Plan {
  return planMemory(fuse(program), program.inputs, program.outputs, donated);
}

/** Values of a plan that runs on cpu, with fresh outputs. */
function run(plan: Plan, inputs: readonly Tensor[]): number[][] {
  const backend = cpuBackend();
  const stored = inputs.map((x) => backend.store(x.dataSync().slice(), x.dtype));
  const outputs = plan.outputs.map(({ dtype, shape, donatedInput }) =>
    donatedInput === null
      ? backend.allocate(
          dtype,
          shape.reduce((a, b) => a * b, 1),
        )
      : stored[donatedInput],
  );
  backend.prepare(plan, []).run(stored, outputs);
  return outputs.map((storage) => Array.from(backend.readSync(storage)));
}

describe('compile', () => {
  it('computes bit for bit what eager evaluation computes', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), (program, seed) => {
        const inputs = programInputs(seed);
        const eager = runProgram(inputs, program);
        const compiled = compile((...args: Tensor[]) => runProgram(args, program))(...inputs);
        expect(compiled.map((x) => x.shape)).toEqual(eager.map((x) => x.shape));
        compiled.forEach((x, i) => {
          expect(Array.from(x.dataSync())).toEqual(Array.from(eager[i].dataSync()));
        });
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same results when its inputs are donated', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), fc.subarray([0, 1, 2]), (program, seed, donate) => {
        const eager = runProgram(programInputs(seed), program);
        const compiled = compile((...args: Tensor[]) => runProgram(args, program), { donate });
        const results = compiled(...programInputs(seed));
        results.forEach((x, i) => {
          expect(Array.from(x.dataSync())).toEqual(Array.from(eager[i].dataSync()));
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe('simplify', () => {
  it('keeps the meaning, stays well-formed, never grows and repeats itself', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), (program, seed) => {
        const before = traced(program);
        const after = simplify(before);
        checkProgram(before);
        checkProgram(after);
        expect(after.instructions.length).toBeLessThanOrEqual(before.instructions.length);
        expect(formatProgram(simplify(after))).toBe(formatProgram(after));
        const inputs = programInputs(seed);
        expect(run(planOf(after), inputs)).toEqual(run(planOf(before), inputs));
      }),
      { numRuns: 200 },
    );
  });
});

describe('fuse', () => {
  it('writes every buffer before it is read', () => {
    fc.assert(
      fc.property(steps, (program) => {
        const { buffers, kernels } = fuse(simplify(traced(program)));
        const written = new Set(
          buffers.flatMap(({ role }, i) => (role.kind === 'input' ? [i] : [])),
        );
        for (const { inputs, outputs } of kernels) {
          for (const { buffer } of inputs) expect(written).toContain(buffer);
          for (const { buffer } of outputs) written.add(buffer);
        }
        buffers.forEach(({ role }, i) => {
          if (role.kind === 'output') expect(written).toContain(i);
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe('planMemory', () => {
  it('never lets a kernel overwrite what a later kernel, or the kernel itself, still reads', () => {
    fc.assert(
      fc.property(steps, fc.subarray([0, 1, 2]), (program, donated) => {
        const plan = planOf(simplify(traced(program)), donated);
        checkNoClobbering(plan);
      }),
      { numRuns: 300 },
    );
  });
});

/** A kernel may write over memory that it reads only where both views are the same row-major one. */
function expectInPlaceIsElementwise(plan: Plan, { inputs, outputs }: Kernel): void {
  for (const output of outputs) {
    const place = memoryOf(plan, output.buffer);
    for (const input of inputs) {
      const read = memoryOf(plan, input.buffer);
      if (read.name !== place.name || read.end <= place.start || place.end <= read.start) continue;
      expect(read.start).toBe(place.start);
      expect(input.view.shape).toEqual(output.view.shape);
      for (const { view } of [input, output]) {
        expect(isContiguous(view)).toBe(true);
        expect(view.offset).toBe(0);
      }
    }
  }
}

/** The bytes of a buffer: outputs that take over a donated input lie in its memory. */
function memoryOf(plan: Plan, buffer: number): { name: string; start: number; end: number } {
  const { place, size, dtype } = plan.buffers[buffer];
  const bytes = size * BYTES[dtype];
  if (place.kind === 'arena')
    return { name: 'arena', start: place.offset, end: place.offset + bytes };
  const taken = place.kind === 'output' ? plan.outputs[place.index].donatedInput : null;
  const name = taken === null ? `${place.kind}${place.index}` : `input${taken}`;
  return { name, start: 0, end: bytes };
}

/** Replays a plan on owners instead of values: every byte remembers which buffer wrote it last. */
function checkNoClobbering(plan: Plan): void {
  const owners = new Map<string, number[]>();
  const cells = (buffer: number): { memory: number[]; start: number; end: number } => {
    const { name, start, end } = memoryOf(plan, buffer);
    const memory = owners.get(name) ?? [];
    owners.set(name, memory);
    return { memory, start, end };
  };
  const claim = (buffer: number): void => {
    const { memory, start, end } = cells(buffer);
    for (let i = start; i < end; i++) memory[i] = buffer;
  };
  const expectOwned = (buffer: number): void => {
    const { memory, start, end } = cells(buffer);
    for (let i = start; i < end; i++) expect(memory[i]).toBe(buffer);
  };
  plan.buffers.forEach(({ place }, i) => {
    if (place.kind === 'input') claim(i);
  });
  for (const kernel of plan.kernels) {
    for (const { buffer } of kernel.inputs) expectOwned(buffer);
    expectInPlaceIsElementwise(plan, kernel);
    for (const { buffer } of kernel.outputs) claim(buffer);
    for (const { buffer } of kernel.outputs) expectOwned(buffer);
  }
  plan.buffers.forEach(({ place, size }, i) => {
    if (place.kind === 'output' && size > 0) expectOwned(i);
  });
}
