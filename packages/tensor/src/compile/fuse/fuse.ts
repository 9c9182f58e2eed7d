// The work of a program as a graph of groups, which the fusion passes merge, and the kernels of what is left.

import type { DType } from '../../array/dtype.ts';
import { formatNumber, type Params, type PointwisePrimitive } from '../../primitives/primitive.ts';
import { sizeOf, type Shape } from '../../array/shape.ts';
import { contiguousView, expandView, type View } from '../../array/view.ts';
import { partOf } from './assemble.ts';
import { emit } from './emit.ts';
import { GroupGraph } from './group-graph.ts';
import { buffersOf, isWhole, type Body, type Source } from './group.ts';
import { withOperands, type Kernel, type Operand } from '../../plan/kernel.ts';
import type { Instruction, Program, Variable } from '../program.ts';

/** What a buffer is used for. The memory planner places temporaries. */
export type Role =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'constant'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'temporary' };

/** A buffer before memory planning. */
export interface BufferSpec {
  readonly dtype: DType;
  readonly size: number;
  readonly role: Role;
}

/** Kernels in order over buffers without places. */
export interface Schedule {
  readonly buffers: readonly BufferSpec[];
  readonly kernels: readonly Kernel[];
}

/** The layout of an input in its storage, if it is not simply row-major. */
export interface InputWindow {
  readonly view: View;
  /** Number of elements of the whole storage. */
  readonly size: number;
}

/**
 * The work of a program as a graph of groups, one for each instruction that computes. Movements become views
 * of operands. The passes merge the groups; {@link Fuser.schedule} makes kernels of those that are left.
 *
 * @param windows The layout of the inputs in their storage; default row-major.
 */
export function fillGraph(program: Program, windows?: readonly InputWindow[]): Fuser {
  const fuser = new Fuser();
  program.inputs.forEach((variable, index) =>
    fuser.bind(variable, { kind: 'input', index }, windows?.[index]),
  );
  program.constants.forEach(({ variable }, index) =>
    fuser.bind(variable, { kind: 'constant', index }),
  );
  program.instructions.forEach((instruction, order) => fuser.visit(instruction, order));
  program.outputs.forEach((variable, index) => fuser.output(variable, index));
  return fuser;
}

/** Fills a graph with the work of a program, and makes kernels of it. */
export class Fuser {
  readonly buffers: BufferSpec[] = [];
  readonly #sources = new Map<Variable, Source>();
  readonly graph: GroupGraph = new GroupGraph(
    (buffer) => this.buffers[buffer].size,
    (buffer) => this.buffers[buffer].role.kind === 'output',
  );
  readonly #scalars = new Map<string, number>();
  #order = 0;
  /** The scope of the instruction that is being visited, and by buffer of what computes it. */
  #scope: Instruction['scope'];
  readonly #scopes = new Map<number, string>();

  /** Gives a program input or constant its buffer. */
  bind(variable: Variable, role: Role, window?: InputWindow): void {
    const { shape, dtype } = variable;
    const buffer = this.buffer(dtype, window?.size ?? sizeOf(shape), role);
    this.#sources.set(variable, {
      kind: 'window',
      buffer,
      dtype,
      view: window?.view ?? contiguousView(shape),
    });
  }

  visit({ operation, inputs, params, outputs, scope }: Instruction, order: number): void {
    this.#order = order;
    this.#scope = scope;
    const args = inputs.map((input) => this.#sourceOf(input));
    const [output] = outputs;
    switch (operation.kind) {
      case 'literal':
        this.#sources.set(output, {
          kind: 'uniform',
          value: Number(params['value']),
          dtype: output.dtype,
        });
        return;
      case 'movement': {
        const moved = this.#move(args[0], inputs[0].shape, (view) => operation.view(view, params));
        const apart = operation.separates === true && moved.kind === 'window';
        this.#sources.set(output, apart ? { ...moved, separate: true } : moved);
        return;
      }
      case 'pointwise':
        this.#define(output, this.#pointwise(operation, params, args, output.shape, output.dtype));
        return;
      case 'reduction': {
        const buffer = this.#temporary(output);
        const { shape } = inputs[0];
        const axes = params['axes'] as readonly number[];
        this.graph.add(
          {
            kind: 'reduce',
            primitive: operation,
            axes,
            shape,
            atoms: [],
            arg: args[0],
            buffer,
            dtype: output.dtype,
          },
          order,
        );
        return;
      }
      case 'assembly': {
        const buffer = this.#temporary(output);
        const { shape, dtype } = output;
        const regions = operation.regions(inputs, params);
        const parts = args.map((arg, i) => partOf(arg, inputs[i].shape, regions[i], shape));
        const covers = operation.covers(inputs, params);
        this.graph.add({ kind: 'assembly', shape, parts, covers, buffer, dtype }, order);
        return;
      }
      case 'kernel':
      case 'composite': {
        const stored = args.map((arg, i) => this.#stored(arg, inputs[i].shape));
        const results = outputs.map((variable) => ({
          ...variable,
          buffer: this.#temporary(variable),
        }));
        this.graph.add({ kind: 'call', operation, params, args: stored, outputs: results }, order);
      }
    }
  }

  /** Makes `variable` the plan's output `index`; copies it unless it fills a new buffer of its own. */
  output(variable: Variable, index: number): void {
    this.#order++;
    this.#scope = undefined;
    const source = this.#sourceOf(variable);
    const size = sizeOf(variable.shape);
    const fresh =
      source.kind === 'window' &&
      this.buffers[source.buffer].role.kind === 'temporary' &&
      isWhole(source.view, this.buffers[source.buffer].size);
    const buffer = fresh
      ? source.buffer
      : this.#pointwise(null, {}, [source], variable.shape, variable.dtype);
    this.buffers[buffer] = { dtype: variable.dtype, size, role: { kind: 'output', index } };
  }

  /** The kernels of the groups, in an order in which each finds its operands. */
  schedule(): Schedule {
    const groups = this.graph.inOrder();
    const isLive = (buffer: number): boolean =>
      this.buffers[buffer].role.kind === 'output' || this.graph.readersOf(buffer).size > 0;
    return dropUnusedBuffers({
      buffers: this.buffers,
      kernels: groups.flatMap(({ body }) => {
        const scopes = this.#scopesOf(body);
        const kernels = emit(body, isLive);
        return scopes.length === 0 ? kernels : kernels.map((kernel) => ({ ...kernel, scopes }));
      }),
    });
  }

  /** The scopes of everything that a body computes, each once. */
  #scopesOf(body: Body): readonly string[] {
    const scopes = buffersOf(body).flatMap((buffer) => this.#scopes.get(buffer) ?? []);
    return [...new Set(scopes)];
  }

  #sourceOf(variable: Variable): Source {
    const source = this.#sources.get(variable);
    if (source === undefined)
      throw new Error(`fuse: variable ${variable.id} is used before its definition.`);
    return source;
  }

  /** Makes a buffer. */
  buffer(dtype: DType, size: number, role: Role = { kind: 'temporary' }): number {
    const buffer = this.buffers.push({ dtype, size, role }) - 1;
    if (this.#scope !== undefined) this.#scopes.set(buffer, this.#scope);
    return buffer;
  }

  /** Makes a buffer for `variable`, which becomes a row-major window onto it. */
  #temporary(variable: Variable): number {
    const buffer = this.buffer(variable.dtype, sizeOf(variable.shape));
    this.#define(variable, buffer);
    return buffer;
  }

  #define(variable: Variable, buffer: number): void {
    const { shape, dtype } = variable;
    this.#sources.set(variable, { kind: 'window', buffer, dtype, view: contiguousView(shape) });
  }

  #move(source: Source, shape: Shape, movement: (view: View) => View | null): Source {
    if (source.kind === 'uniform') return source;
    const view = movement(source.view);
    if (view !== null) return { ...source, view };
    const buffer = this.#pointwise(null, {}, [source], shape, source.dtype);
    const moved = movement(contiguousView(shape));
    if (moved === null) throw new Error('fuse: a movement refused a row-major view.');
    return { kind: 'window', buffer, dtype: source.dtype, view: moved };
  }

  /** Adds pointwise work (a copy if `primitive` is `null`), and returns the buffer of its result. */
  #pointwise(
    primitive: PointwisePrimitive | null,
    params: Params,
    args: readonly Source[],
    shape: Shape,
    dtype: DType,
  ): number {
    const buffer = this.buffer(dtype, sizeOf(shape));
    const atom = { order: this.#order, primitive, params, args, buffer, dtype };
    this.graph.add({ kind: 'map', shape, atoms: [atom] }, this.#order);
    return buffer;
  }

  /** The source as a window, since kernels of calls read only windows; a number gets a buffer. */
  #stored(source: Source, shape: Shape): Source {
    if (source.kind === 'window') return source;
    const key = `${source.dtype} ${formatNumber(source.value)}`;
    let buffer = this.#scalars.get(key);
    if (buffer === undefined) {
      buffer = this.#pointwise(null, {}, [source], [], source.dtype);
      this.#scalars.set(key, buffer);
    }
    return {
      kind: 'window',
      buffer,
      dtype: source.dtype,
      view: expandView(contiguousView([]), shape),
    };
  }
}

/** Removes temporaries that are now values inside a kernel, and renumbers the other buffers. */
function dropUnusedBuffers({ buffers, kernels }: Schedule): Schedule {
  const used = new Set(
    kernels.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).map(({ buffer }) => buffer),
  );
  const kept = buffers
    .map((_, i) => i)
    .filter((i) => used.has(i) || buffers[i].role.kind !== 'temporary');
  const renumbered = new Map(kept.map((old, i) => [old, i]));
  const operand = (old: Operand): Operand => ({
    ...old,
    buffer: renumbered.get(old.buffer) ?? old.buffer,
  });
  return {
    buffers: kept.map((old) => buffers[old]),
    kernels: kernels.map((kernel) => withOperands(kernel, operand)),
  };
}
