// The whole idea in one file that imports nothing: from strided numbers to gradients and a compiled plan.

/**
 * A tensor, operations with their calculus, one seam that every operation passes, and three interpreters at it:
 * one computes, one records for the gradient, one writes a program. Run it: `npx tsx examples/00-whole-idea.ts`.
 */

// 1 · A tensor is a shape, strides and data: element [i, j] is data[i·strides[0] + j·strides[1]].
type Shape = readonly number[];
type Tensor = { readonly shape: Shape; readonly data: Float64Array; readonly strides: Shape };
type Reader = (index: Shape) => number;
const readerOf = ({ data, strides }: Tensor): Reader => {
  return (index) => data[index.reduce((place, i, axis) => place + i * strides[axis], 0)];
};
const product = (shape: Shape): number => shape.reduce((size, n) => size * n, 1);
const zeros = (shape: Shape): Float64Array => new Float64Array(product(shape));
/** The one loop of this file: it computes an element for every index, the last axis fastest. */
function evaluate(shape: Shape, element: Reader, data = zeros(shape)): Tensor {
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const indexOf = (i: number): Shape => shape.map((n, axis) => Math.floor(i / strides[axis]) % n);
  for (const i of data.keys()) data[i] = element(indexOf(i));
  return { shape, data, strides };
}
const tensor = (shape: Shape, ...numbers: number[]): Tensor =>
  evaluate(shape, () => numbers.shift() ?? 0);
/** One number everywhere: all strides are 0, so every step reads the same element. */
const full = ({ shape }: Tensor, n: number): Tensor => {
  return { shape, data: Float64Array.of(n), strides: shape.map(() => 0) };
};

// 2 · The seam: every operation passes `apply`, and whoever is in charge decides what that means.
interface Call {
  readonly name: Name;
  readonly inputs: readonly Tensor[];
  readonly shape: Shape; // of the result
  readonly axes: Shape; // of a movement: where in the result the axes of the input go
}
let interpreter: (call: Call) => Tensor = eager;
const apply = (name: Name, inputs: Call['inputs'], shape = inputs[0].shape, axes: Shape = []) =>
  interpreter({ name, inputs, shape, axes });

// 3 · Primitives with their calculus. ȳ is the gradient of the loss by y; a vjp tells what the inputs get.
type Name = 'add' | 'mul' | 'sin' | 'cos' | 'sum' | 'move';
interface Primitive {
  readonly kind?: 'movement' | 'reduction'; // pointwise if it is neither
  readonly rule: string;
  readonly f: (...x: number[]) => number;
  readonly vjp: (ȳ: Tensor, inputs: readonly Tensor[], axes: Shape) => readonly Tensor[];
}
const primitives: Readonly<Record<Name, Primitive>> = {
  add: { rule: 'ā = ȳ, b̄ = ȳ', f: (a, b) => a + b, vjp: (ȳ) => [ȳ, ȳ] },
  mul: { rule: 'ā = ȳ·b, b̄ = ȳ·a', f: (a, b) => a * b, vjp: (ȳ, [a, b]) => [mul(ȳ, b), mul(ȳ, a)] },
  sin: { rule: 'x̄ = ȳ·cos x', f: Math.sin, vjp: (ȳ, [x]) => [mul(ȳ, cos(x))] },
  cos: { rule: 'x̄ = −ȳ·sin x', f: Math.cos, vjp: (ȳ, [x]) => [neg(mul(ȳ, sin(x)))] },
  sum: { kind: 'reduction', rule: 'x̄ₖ = ȳ', f: (a, b) => a + b, vjp: (ȳ, [x]) => [repeat(ȳ, x)] },
  move: { kind: 'movement', rule: 'x̄ = P⁻¹ ȳ', f: (x) => x, vjp: (ȳ, _, axes) => [undo(ȳ, axes)] },
};
const add = (a: Tensor, b: Tensor): Tensor => apply('add', [a, b]);
const mul = (a: Tensor, b: Tensor): Tensor => apply('mul', [a, b]);
const sin = (x: Tensor): Tensor => apply('sin', [x]);
const cos = (x: Tensor): Tensor => apply('cos', [x]);
const sum = (x: Tensor): Tensor => apply('sum', [x], x.shape.slice(1)); // over the first axis
/** Transposes, and repeats along the axes of the result that no axis of x goes to. */
const move = (x: Tensor, shape: Shape, axes: Shape): Tensor => apply('move', [x], shape, axes);
/** Moves ȳ back: first the axes along which x was repeated, which are summed, then those of x. */
function undo(ȳ: Tensor, axes: Shape): Tensor {
  const repeated = [...ȳ.shape.keys()].filter((axis) => !axes.includes(axis));
  const order = [...repeated, ...axes];
  const shape = order.map((axis) => ȳ.shape[axis]);
  const back = order.map((_, axis) => order.indexOf(axis));
  return repeated.reduce(sum, move(ȳ, shape, back));
}
// What else has a name is made of these. A matrix product: c[i, j] = Σₖ a[i, k]·b[k, j].
const neg = (x: Tensor): Tensor => mul(x, full(x, -1));
const repeat = (x: Tensor, { shape }: Tensor): Tensor => move(x, shape, [...shape.keys()].slice(1));
function matmul(a: Tensor, b: Tensor): Tensor {
  const shape = [b.shape[0], a.shape[0], b.shape[1]]; // k, i, j
  return sum(mul(move(a, shape, [1, 0]), move(b, shape, [0, 2])));
}

// 4 · The first interpreter computes at once. A movement touches no element: it arranges strides.
function eager(call: Call): Tensor {
  const { name, inputs, shape, axes } = call;
  const strides = shape.map((_, axis) => inputs[0].strides[axes.indexOf(axis)] ?? 0);
  if (primitives[name].kind === 'movement') return { shape, data: inputs[0].data, strides };
  return evaluate(shape, meaning(call, inputs.map(readerOf)));
}
/** What an operation means: how an element of its result is made of elements of its inputs. */
function meaning({ name, inputs, axes }: Call, read: readonly Reader[]): Reader {
  const { kind, f } = primitives[name];
  if (kind === 'movement') return (index) => read[0](axes.map((axis) => index[axis]));
  if (kind === undefined) return (index) => f(...read.map((input) => input(index)));
  const steps = [...Array(inputs[0].shape[0]).keys()];
  return (index) => steps.reduce((total, k) => f(total, read[0]([k, ...index])), 0);
}

// 5 · The second takes notes: it asks the interpreter around it for the result, and writes down who made it.
function record<T>(run: () => T, answer = interpreter) {
  const outer = interpreter;
  const notes: (Call & { readonly output: Tensor })[] = [];
  interpreter = (call) => {
    const output = answer(call);
    notes.push({ ...call, output });
    return output;
  };
  const result = run();
  interpreter = outer;
  return { result, notes };
}
type Loss = (...x: readonly Tensor[]) => Tensor;
/** Backward: from ȳ = 1 at the loss through the notes, last to first. What arrives twice is added up. */
function valueAndGrads(f: Loss, ...x: readonly Tensor[]): readonly Tensor[] {
  const variables = x.map((t) => move(t, t.shape, [...t.shape.keys()])); // x under a name of our own
  const { result, notes } = record(() => f(...variables));
  const cotangents = new Map([[result, full(result, 1)]]);
  for (const { name, inputs, axes, output } of notes.toReversed()) {
    const ȳ = cotangents.get(output);
    if (ȳ === undefined) continue;
    primitives[name].vjp(ȳ, inputs, axes).forEach((x̄, i) => {
      const arrived = cotangents.get(inputs[i]);
      cotangents.set(inputs[i], arrived === undefined ? x̄ : add(arrived, x̄));
    });
  }
  return [result, ...variables.map((own) => cotangents.get(own) ?? full(own, 0))];
}
function grad(f: Loss): Loss {
  return (x) => valueAndGrads(f, x)[1];
}

// 6 · The third writes a program: shapes without values. The plan then makes a loop of each sum, and of what
// is used more than once; every other operation becomes part of the loops that read it.
type Text = (index: readonly string[]) => string;
function textOf({ name, axes }: Call, parts: readonly { readonly text: Text }[]): Text {
  const { kind } = primitives[name];
  if (kind === 'movement') return (index) => parts[0].text(axes.map((axis) => index[axis]));
  if (kind === 'reduction') return (index) => `Σk ${parts[0].text(['k', ...index])}`;
  return (index) => `${name}(${parts.map(({ text }) => text(index)).join(', ')})`;
}
function compile(f: (...x: Tensor[]) => readonly Tensor[], ...examples: readonly Tensor[]) {
  const inputs = examples.map(({ shape }) => evaluate(shape, () => 0));
  const blank = ({ shape }: Call): Tensor => ({ shape, data: new Float64Array(0), strides: [] });
  const { result: outputs, notes } = record(() => f(...inputs), blank);
  const uses = new Map(outputs.map((y) => [y, 2]));
  for (const note of notes.toReversed())
    if (uses.has(note.output)) for (const x of note.inputs) uses.set(x, (uses.get(x) ?? 0) + 1);
  const stored = (x: Tensor, name: string): { read: Reader; text: Text } => {
    return { read: readerOf(x), text: (index) => `${name}[${index.join()}]` };
  };
  const known = new Map(inputs.map((x, i) => [x, stored(x, `in${i}`)]));
  const loops: { result: Tensor; read: Reader; text: string }[] = [];
  for (const note of notes.filter(({ output }) => uses.has(output))) {
    const parts = note.inputs.map((x) => known.get(x) ?? stored(x, `${x.data[0]}`));
    const reads = parts.map(({ read }) => read);
    const [read, text] = [meaning(note, reads), textOf(note, parts)];
    const isLoop = primitives[note.name].kind === 'reduction' || (uses.get(note.output) ?? 0) > 1;
    const result = evaluate(isLoop ? note.shape : [], () => 0); // its place in memory
    const place = stored(result, `t${loops.length}`);
    const index = ['i', 'j'].slice(0, note.shape.length);
    if (isLoop) loops.push({ result, read, text: `${place.text(index)} = ${text(index)}` });
    known.set(note.output, isLoop ? place : { read, text });
  }
  const run = (...x: readonly Tensor[]): readonly Tensor[] => {
    inputs.forEach(({ shape, data }, i) => evaluate(shape, readerOf(x[i]), data));
    for (const { result, read } of loops) evaluate(result.shape, read, result.data);
    return outputs.map((y) => evaluate(y.shape, (known.get(y) ?? stored(y, '')).read));
  };
  return { run, plan: loops.map(({ text }) => text), operations: notes.length };
}

// 7 · What it finds.
const f: Loss = (x) => sin(mul(x, x));
const two = tensor([], 2);
for (const { name } of record(() => f(two)).notes) console.log(name, primitives[name].rule);
for (const g of [f, grad(f), grad(grad(f))]) console.log(g(two).data[0].toFixed(4));
const matrix = tensor([2, 3], 1, 2, 3, 4, 5, 6);
const transposed = move(matrix, [3, 2], [1, 0]);
console.log('strides', matrix.strides, 'transposed', transposed.strides);
console.log(compile((a, b) => [sin(matmul(a, b))], matrix, transposed).plan.join('\n'));

// 8 · Gradient descent: a network with three hidden units learns exclusive or.
const x = tensor([4, 2], 0, 0, 0, 1, 1, 0, 1, 1);
const target = tensor([4, 1], 0, 1, 1, 0);
const loss: Loss = (w1, b, w2) => {
  const hidden = matmul(x, w1);
  const error = add(matmul(sin(add(hidden, repeat(b, hidden))), w2), neg(target));
  return sum(sum(mul(error, error)));
};
const descend = (...w: readonly Tensor[]): Tensor[] => {
  const [value, ...grads] = valueAndGrads(loss, ...w);
  return [value, ...w.map((t, i) => add(t, mul(grads[i], full(t, -0.1))))];
};
const start: Reader = ([i, j = 0]) => Math.sin(1 + 2 * i + 5 * j);
let weights: readonly Tensor[] = [[2, 3], [3], [3, 1]].map((shape) => evaluate(shape, start));
const step = compile(descend, ...weights);
console.log(`a training step: ${step.operations} operations, ${step.plan.length} loops`);
for (let i = 0; i <= 30; i++) {
  const [value, ...next] = step.run(...weights);
  if (i % 10 === 0) console.log(`step ${i}: loss ${value.data[0].toFixed(4)}`);
  weights = next;
}
