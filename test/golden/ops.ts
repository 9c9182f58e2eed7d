import { zeros, type SliceSpec, type Tensor } from '@tessera/tensor';
import { vjp } from '@tessera/autograd';
import * as v from 'valibot';
import { Attributes } from './attributes.ts';
import { compareTensor, type Comparison } from './compare.ts';
import { inWay, type GoldenCase, type Way } from './golden-case.ts';
import type { GoldenFolder, TensorFile } from './golden-folder.ts';
import { findOp } from './op-table.ts';

const attributes = v.record(v.string(), v.unknown());
const nullableNames = v.array(v.nullable(v.string()));
const view = v.array(v.unknown());

const caseSchema = v.looseObject({
  id: v.string(),
  op: v.string(),
  attrs: attributes,
  inputs: v.array(v.string()),
  input_views: v.optional(v.array(v.nullable(v.array(view)))),
  output: v.optional(v.string()),
  cotangent: v.optional(v.nullable(v.string())),
  outputs: v.optional(v.array(v.string())),
  cotangents: v.optional(nullableNames),
  grads: nullableNames,
  rtol: v.number(),
  atol: v.number(),
});

const manifestSchema = v.looseObject({
  format: v.pipe(v.string(), v.startsWith('dit-oracle/ops/1')),
  tensors_file: v.string(),
  cases: v.array(caseSchema),
});

type OpCase = v.InferOutput<typeof caseSchema>;

/** A function of the leaves, as the case describes it. */
type Body = (leaves: readonly Tensor[]) => Tensor[];

/** The cases of `ops.json`: every operation's outputs and gradients. */
export async function opCases(folder: GoldenFolder, way: Way): Promise<GoldenCase[]> {
  const manifest = await folder.manifest('ops.json', manifestSchema);
  const file = await folder.tensors(manifest.tensors_file);
  return manifest.cases.map((golden) => ({
    id: golden.id,
    group: golden.op,
    check: () => checkOp(golden, file, way),
  }));
}

async function checkOp(golden: OpCase, file: TensorFile, way: Way): Promise<Comparison[]> {
  const inputs = golden.inputs.map((name) => file.tensor(name));
  const outputNames = golden.outputs ?? (golden.output === undefined ? [] : [golden.output]);
  const cotangentNames = golden.cotangents ?? [golden.cotangent ?? null];
  if (outputNames.length === 0) throw new Error('the manifest names no output');
  const hasGradients = golden.grads.some((name) => name !== null);
  const cotangents = outputNames.map((name, i) => {
    const cotangent = cotangentNames[i] ?? null;
    return cotangent === null ? zeros(file.values(name).shape) : file.tensor(cotangent);
  });
  const f = bodyOf(golden);
  const evaluate = (
    leaves: Tensor[],
    seeds: Tensor[],
  ): { outputs: readonly Tensor[]; grads: readonly Tensor[] } => {
    if (!hasGradients) return { outputs: f(leaves), grads: [] };
    const { value, pullback } = vjp(f, leaves);
    return { outputs: value, grads: pullback(seeds)[0] };
  };
  const { outputs, grads } = await inWay(way, evaluate)(inputs, cotangents);
  const comparisons: Promise<Comparison>[] = outputNames.map((name, i) =>
    i < outputs.length
      ? compareTensor(
          outputNames.length === 1 ? 'output' : `output ${i}`,
          outputs[i],
          file.values(name),
          golden,
        )
      : Promise.reject(new Error(`${outputs.length} outputs, ${outputNames.length} wanted`)),
  );
  for (const [i, name] of golden.grads.entries()) {
    if (name === null) continue;
    comparisons.push(compareTensor(`gradient of input ${i}`, grads[i], file.values(name), golden));
  }
  return Promise.all(comparisons);
}

function bodyOf(golden: OpCase): Body {
  const views = golden.input_views;
  const f = operationBody(golden.op, golden.attrs);
  return (leaves) => f(leaves.map((leaf, i) => (views?.[i] ?? []).reduce(applyView, leaf)));
}

function operationBody(op: string, attrs: Readonly<Record<string, unknown>>): Body {
  if (op === 'program') return programBody(attrs);
  if (op === 'second_order') return secondOrderBody(attrs);
  const f = findOp(op);
  return (inputs) => {
    const result = f(inputs, new Attributes(attrs));
    return Array.isArray(result) ? result : [result];
  };
}

const stepsSchema = v.array(v.tuple([v.string(), v.array(v.string()), attributes]));

/** A small graph: steps refer to inputs as `i0` and to earlier steps as `s0`; the last is the output. */
function programBody(attrs: Readonly<Record<string, unknown>>): Body {
  const steps = v.parse(stepsSchema, attrs['steps']);
  return (inputs) => {
    const values = new Map(inputs.map((input, i) => [`i${i}`, input]));
    let last: Tensor[] = [];
    for (const [i, [op, references, stepAttrs]] of steps.entries()) {
      const operands = references.map((reference) => {
        const value = values.get(reference);
        if (value === undefined)
          throw new Error(`step ${i} refers to "${reference}", which is not there`);
        return value;
      });
      last = operationBody(op, stepAttrs)(operands);
      values.set(`s${i}`, last[0]);
    }
    return last;
  };
}

/** `L = Σ ‖∂s/∂xᵢ‖²` with `s = Σ inner(x)·c`, where c is the last input. */
function secondOrderBody(attrs: Readonly<Record<string, unknown>>): Body {
  const inner = operationBody(
    v.parse(v.string(), attrs['inner_op']),
    v.parse(attributes, attrs['inner_attrs']),
  );
  return (inputs) => {
    const cotangent = inputs[inputs.length - 1];
    const [gradients] = vjp(inner, inputs.slice(0, -1)).pullback([cotangent]);
    return [gradients.map((g) => g.square().sum()).reduce((a, b) => a.add(b))];
  };
}

/** Makes a view of a leaf: `["permute", dims]`, `["slice", dim, start, stop, step]` and so on. */
function applyView(x: Tensor, [kind, ...args]: readonly unknown[]): Tensor {
  const number = v.number();
  const numbers = v.array(number);
  switch (kind) {
    case 'permute':
      return x.permute(v.parse(numbers, args[0]));
    case 'flip':
      return x.flip(v.parse(numbers, args[0]));
    case 'expand':
      return x.expand(v.parse(numbers, args[0]));
    case 'select':
      return x.select(v.parse(number, args[0]), v.parse(number, args[1]));
    case 'slice': {
      const dim = v.parse(number, args[0]);
      const axis = dim < 0 ? dim + x.rank : dim;
      const [start, stop, step] = args.slice(1).map((arg) => v.parse(v.nullable(number), arg));
      const range: SliceSpec = [start, stop, step];
      return x.slice([...new Array<null>(axis).fill(null), range]);
    }
    default:
      throw new Error(`view ${JSON.stringify(kind)} is not known`);
  }
}
