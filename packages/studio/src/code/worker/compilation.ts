// What the compiler makes of a function: what became of each operation, the kernels, and their memory.

import { defaultBackend, sizeOf, tree } from '@tessera/tensor';
import {
  formatPlan,
  formatProgram,
  planProgram,
  programFlops,
  simplify,
  trace,
  type Instruction,
  type Kernel,
  type Plan,
  type Program,
  type Variable,
} from '@tessera/tensor/extend';
import type { ArenaBuffer, CompiledFacts, KernelFacts, StageLine } from '../code-messages.ts';
import type { Asked } from './evaluate.ts';
import { moduleTexts } from './module-text.ts';

/** Bytes of an element. */
const ELEMENT_BYTES = { float32: 4, int32: 4, bool: 1 } as const;

/** A function as it was compiled for its arguments. */
export class Compilation {
  static readonly name: string = 'Compilation';
  readonly facts: CompiledFacts;
  readonly #plan: Plan;

  /** @throws StateError if the function reads values of tensors, and so cannot be traced */
  constructor({ f, args }: Asked) {
    const backend = defaultBackend();
    const flat = tree.flatten(args);
    const start = performance.now();
    const traced = trace((inputs) => tree.leaves(f(...flat.unflatten(inputs))), flat.leaves, {
      composites: backend.composites,
      // Nothing runs here, so what the function captures needs no elements.
      capture: ({ dtype, shape }) => ({ backend, dtype, size: sizeOf(shape) }),
    });
    // A pass hands on from where an instruction comes. So an instruction that comes from its own place can be followed.
    const simplified = simplify(numbered(traced));
    this.#plan = planProgram(numbered(simplified), [], undefined, backend.epilogues);
    const milliseconds = performance.now() - start;
    const { kernels, arenaBytes } = this.#plan;
    const buffers = arenaBuffers(this.#plan);
    this.facts = {
      kind: 'compiled',
      inputs: flat.leaves.length,
      traced: tracedLines(traced, simplified),
      simplified: simplifiedLines(simplified, kernels),
      kernels: kernels.map((kernel) => this.#kernel(kernel, simplified, traced)),
      buffers,
      arenaBytes,
      flops: programFlops(simplified),
      milliseconds,
    };
  }

  /** The WebAssembly modules of a kernel as text. */
  modules(kernel: number): Promise<string> {
    return moduleTexts({ ...this.#plan, kernels: [this.#plan.kernels[kernel]], arenaBytes: 0 });
  }

  #kernel(kernel: Kernel, simplified: Program, traced: Program): KernelFacts {
    const { scopes: _, ...bare } = kernel;
    const instructions = placesOf(kernel);
    const origins = instructions.map((i) => placeOf(simplified.instructions[i]));
    const paths = origins.flatMap((i) => traced.instructions[i].scope ?? []);
    const used = (operands: Kernel['inputs']): string[] => [
      ...new Set(operands.map(({ buffer }) => nameOf(this.#plan, buffer))),
    ];
    return {
      title: titleOf(kernel),
      text: formatPlan({ ...this.#plan, kernels: [bare] })
        .split('\n')
        .slice(1)
        .map((line) => line.trim())
        .join('\n'),
      instructions,
      paths: [...new Set(paths)],
      reads: used(kernel.inputs),
      writes: used(kernel.outputs),
    };
  }
}

/** The program, each instruction of which comes from its own number. */
function numbered(program: Program): Program {
  const instructions = program.instructions.map((each, i) => ({ ...each, scope: String(i) }));
  return { ...program, instructions };
}

/** The number that {@link numbered} gave to the instruction that this one comes from. */
function placeOf({ scope }: Instruction): number {
  return Number(scope);
}

function placesOf({ scopes = [] }: Kernel): number[] {
  return scopes.map(Number).sort((a, b) => a - b);
}

/** The instructions as text, without what stands around them. */
function textsOf(program: Program): readonly string[] {
  const bare = program.instructions.map((each) => ({ ...each, scope: undefined }));
  const lines = formatProgram({ ...program, instructions: bare }).split('\n');
  return lines.slice(1 + program.constants.length, -1).map((line) => line.trim());
}

/** What became of each traced instruction when the program was simplified. */
function tracedLines(traced: Program, simplified: Program): StageLine[] {
  const texts = textsOf(traced);
  const kept = new Map<number, number[]>();
  simplified.instructions.forEach((each, i) => {
    kept.set(placeOf(each), [...(kept.get(placeOf(each)) ?? []), i]);
  });
  // A program that returns every value says of each what it is now.
  const outputs = traced.instructions.map(({ outputs: [first] }) => first);
  const whole = simplify({ ...numbered(traced), outputs });
  const makers = new Map<Variable, number>();
  for (const each of whole.instructions) {
    for (const output of each.outputs) makers.set(output, placeOf(each));
  }
  const given = new Map<Variable, string>([
    ...traced.inputs.map((input, i) => [input, `in${i}`] as const),
    ...traced.constants.map(({ variable }, i) => [variable, `const${i}`] as const),
  ]);
  return traced.instructions.map(({ scope }, i) => {
    const now = whole.outputs[i];
    const maker = makers.get(now);
    const fate =
      maker === undefined
        ? `is ${given.get(now) ?? 'an input'}`
        : maker !== i
          ? `is ${texts[maker].split(':')[0]}`
          : kept.has(i)
            ? ''
            : 'nobody reads it';
    return { text: texts[i], path: scope ?? null, becomes: kept.get(maker ?? -1) ?? [], fate };
  });
}

/** What became of each instruction when kernels were made. */
function simplifiedLines(simplified: Program, kernels: readonly Kernel[]): StageLine[] {
  const inside = new Map<number, number[]>();
  kernels.forEach((kernel, i) => {
    for (const place of placesOf(kernel)) inside.set(place, [...(inside.get(place) ?? []), i]);
  });
  return textsOf(simplified).map((text, i) => {
    const { kind } = simplified.instructions[i].operation;
    const becomes = inside.get(i) ?? [];
    const fate =
      becomes.length > 1
        ? 'computed again where it is read'
        : becomes.length === 1
          ? ''
          : kind === 'literal'
            ? 'a number in kernels'
            : kind === 'movement'
              ? 'a view: other strides'
              : 'written straight to its place';
    return { text, path: null, becomes, fate };
  });
}

function titleOf(kernel: Kernel): string {
  if (kernel.kind === 'map') return `map [${kernel.shape.join(', ')}]`;
  if (kernel.kind === 'reduce') {
    return `${kernel.primitive.name} over [${kernel.axes.join(', ')}] of [${kernel.shape.join(', ')}]`;
  }
  const shapes = kernel.outputs.map(({ view }) => `[${view.shape.join(', ')}]`).join(', ');
  return `${kernel.operation.name} ${shapes}${kernel.epilogue === undefined ? '' : ', and what follows'}`;
}

/** The name of a buffer, as printed plans have it. */
function nameOf({ buffers }: Plan, buffer: number): string {
  const { place } = buffers[buffer];
  if (place.kind === 'arena') return `tmp${buffer}`;
  return `${{ input: 'in', constant: 'const', output: 'out' }[place.kind]}${place.index}`;
}

/** The buffers of the arena: where they lie, and from which kernel to which they live. */
function arenaBuffers(plan: Plan): ArenaBuffer[] {
  const { buffers, kernels } = plan;
  const lives = buffers.map(() => ({ first: Infinity, last: -1 }));
  kernels.forEach(({ inputs, outputs }, at) => {
    for (const { buffer } of [...inputs, ...outputs]) {
      lives[buffer].first = Math.min(lives[buffer].first, at);
      lives[buffer].last = at;
    }
  });
  return buffers.flatMap(({ place, size, dtype }, buffer) => {
    if (place.kind !== 'arena') return [];
    const { offset } = place;
    const bytes = size * ELEMENT_BYTES[dtype];
    return [{ name: nameOf(plan, buffer), offset, bytes, ...lives[buffer] }];
  });
}
