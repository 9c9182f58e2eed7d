// Watches a function operation by operation, and finds where values that are not finite come from.

import { isFinite, isNaN, tree, type Tensor } from '@tessera/tensor';
import {
  currentScope,
  withInterpreter,
  type Interpreter,
  type Operation,
  type Params,
  type Scope,
} from '@tessera/tensor/extend';
import { sweptNode } from '../backward.ts';

/** How bad the worst element of a tensor is. */
const [FINE, INFINITE, NOT_A_NUMBER] = [0, 1, 2];

/** One operation that the function applied. */
export interface Step {
  readonly kind: 'step';
  /** Its place among all operations, from 0. */
  readonly index: number;
  readonly operation: Operation;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly scope: Scope | null;
  /** The node whose cotangents it computes: its name, and the step that made it; `null` in a forward pass. */
  readonly gradientOf: { readonly name: string; readonly step: Step | null } | null;
}

/** A tensor that the function did not compute. */
export interface Given {
  readonly kind: 'given';
  readonly tensor: Tensor;
  /** Its path in the list of arguments; `null` for a tensor from outside. */
  readonly path: string | null;
}

/** What is known of a tensor, without its elements. */
interface Value {
  readonly source: Step | Given;
  /** How bad its worst element is, or a scalar tensor that says so. */
  level: number | Tensor;
}

/** How many sweeps lie between a function and a step: 0 in the forward pass, 1 in the gradient, and so on. */
export function orderOf({ gradientOf }: Step): number {
  if (gradientOf === null) return 0;
  return 1 + (gradientOf.step === null ? 0 : orderOf(gradientOf.step));
}

/** The step of the forward pass whose gradient, of whatever order, a step computes; itself if it is one. */
export function forwardStep(step: Step): Step {
  const made = step.gradientOf?.step ?? null;
  return made === null ? step : forwardStep(made);
}

/**
 * The interpreter that watches: each operation runs in the one around it, and a scalar is kept of each result that
 * says how bad its worst element is. These scalars are read at the end, since some backends read only then.
 */
export class Watcher implements Interpreter {
  readonly name = 'detectAnomaly';
  readonly #outer: Interpreter;
  readonly #values = new WeakMap<Tensor, Value>();
  /** All values that may be worse than fine. */
  readonly #watched: Value[] = [];
  #count = 0;

  /** @param args The arguments of the function. */
  constructor(outer: Interpreter, args: readonly unknown[]) {
    this.#outer = outer;
    for (const [path, tensor] of tree.entries(args)) {
      this.#note(tensor, { kind: 'given', tensor, path });
    }
  }

  apply(operation: Operation, inputs: readonly Tensor[], params: Params): readonly Tensor[] {
    const outputs = withInterpreter(this.#outer, () =>
      this.#outer.apply(operation, inputs, params),
    );
    const results: Value[] = [];
    const step: Step = {
      kind: 'step',
      index: this.#count++,
      operation,
      inputs: inputs.map((input) => this.#valueOf(input)),
      outputs: results,
      scope: currentScope(),
      gradientOf: this.#gradient(),
    };
    results.push(...outputs.map((output) => this.#note(output, step)));
    return outputs;
  }

  /** Where the worst values of some results come from; `null` if all are finite. */
  async originOf(results: readonly Tensor[]): Promise<Step | Given | null> {
    const found = [...new Set(results.map((result) => this.#valueOf(result)))];
    const levels = await Promise.all(found.map(readLevel));
    const worst = Math.max(FINE, ...levels);
    if (worst === FINE) return null;
    await Promise.all(this.#watched.map(readLevel));
    return earliest(ancestors(found.filter((_, i) => levels[i] === worst)));
  }

  /** What the sweep pulls back now. */
  #gradient(): Step['gradientOf'] {
    const node = sweptNode();
    if (node === null) return null;
    const [made] = node.outputs.map((output) => this.#values.get(output)?.source);
    return { name: node.name, step: made?.kind === 'step' ? made : null };
  }

  #valueOf(tensor: Tensor): Value {
    return this.#values.get(tensor) ?? this.#note(tensor, { kind: 'given', tensor, path: null });
  }

  #note(x: Tensor, source: Value['source']): Value {
    const value: Value = { source, level: this.#levelOf(x) };
    // An operation may hand on a tensor that is known already.
    if (!this.#values.has(x)) this.#values.set(x, value);
    if (value.level !== FINE) this.#watched.push(value);
    return value;
  }

  #levelOf(x: Tensor): number | Tensor {
    if (x.dtype !== 'float32' || x.size === 0) return FINE;
    if (x.value.kind === 'uniform') return levelOfNumber(x.value.value);
    return withInterpreter(this.#outer, () =>
      isFinite(x).not().cast('float32').add(isNaN(x)).max(),
    );
  }
}

function levelOfNumber(value: number): number {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  return Number.isFinite(value) ? FINE : INFINITE;
}

/** The level of a value, which is read where that has not been done. */
async function readLevel(value: Value): Promise<number> {
  if (typeof value.level !== 'number') {
    const scalar = value.level;
    value.level = await scalar.item();
    scalar.dispose();
  }
  return value.level;
}

/** The level of a value that has been read. */
function levelOf({ level }: Value): number {
  return typeof level === 'number' ? level : FINE;
}

/** Values and those that they come from, as far as these are not finite. */
function ancestors(results: readonly Value[]): ReadonlySet<Value> {
  const found = new Set<Value>();
  const waiting = [...results];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (found.has(value) || levelOf(value) === FINE) continue;
    found.add(value);
    if (value.source.kind === 'step') waiting.push(...value.source.inputs);
  }
  return found;
}

/**
 * The origin of a chain of values. A NaN that was given is one. Else it is the first operation that made a value
 * worse than all its operands: ∞ out of finite ones, or NaN out of ∞. So the −∞ of a mask is none.
 */
function earliest(chain: ReadonlySet<Value>): Step | Given {
  const given = [...chain].filter(({ source }) => source.kind === 'given');
  const steps = [...chain].flatMap(({ source }) => (source.kind === 'step' ? [source] : []));
  const ordered = steps.toSorted((a, b) => a.index - b.index);
  return (
    given.find((value) => levelOf(value) === NOT_A_NUMBER)?.source ??
    ordered.find(makesWorse) ??
    given.at(0)?.source ??
    ordered[0]
  );
}

function makesWorse({ operation, inputs, outputs }: Step): boolean {
  if (operation.kind === 'literal') return false;
  const worst = (values: readonly Value[]): number => Math.max(FINE, ...values.map(levelOf));
  return worst(outputs) > worst(inputs);
}

/** One operation with its tensors, when the function is repeated. */
export interface Sighting {
  readonly operation: Operation;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** The interpreter of the repetition: it shows each operation, with its place among all, to `look`. */
export class Witness implements Interpreter {
  readonly name = 'detectAnomaly';
  readonly #outer: Interpreter;
  readonly #look: (index: number, sighting: Sighting) => void;
  #count = 0;

  constructor(outer: Interpreter, look: (index: number, sighting: Sighting) => void) {
    this.#outer = outer;
    this.#look = look;
  }

  apply(operation: Operation, inputs: readonly Tensor[], params: Params): readonly Tensor[] {
    const outputs = withInterpreter(this.#outer, () =>
      this.#outer.apply(operation, inputs, params),
    );
    this.#look(this.#count++, { operation, inputs, outputs });
    return outputs;
  }
}
