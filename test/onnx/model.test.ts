import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { Linear, Sequential } from '@tessera/autograd/nn';
import { addMetadata, toOnnx } from '@tessera/onnx';
import { compile, key, ones, scalar, softmax, tensor, zeros, type Tensor } from '@tessera/tensor';
import { cholesky } from '@tessera/tensor/linalg';
import { ModelProtoSchema, type ModelProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';

const manifest = new URL('../../packages/onnx/package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };

const read = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);

const VECTOR = { shape: [3], dtype: 'float32' } as const;

/** The message of what the promise is rejected with, and the name of its class. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const thrown: unknown = await promise.then(
    () => 'nothing',
    (error: unknown) => error,
  );
  return String(thrown);
}

describe('the file of a model', () => {
  it('says who made it, for which operators, with inputs and outputs of fixed shapes', async () => {
    const { bytes } = await toOnnx(
      ({ x, mask }: { x: Tensor; mask: Tensor }) => [mask.where(x, 0), { sum: x.sum() }],
      { x: VECTOR, mask: { shape: [3], dtype: 'bool' } },
    );
    const { producerName, producerVersion, irVersion, opsetImport, graph } = read(bytes);
    expect([producerName, producerVersion, irVersion]).toEqual(['@tessera/onnx', version, 9n]);
    expect(opsetImport.map(({ domain, version: set }) => [domain, set])).toEqual([['', 20n]]);
    const values = [...(graph?.input ?? []), ...(graph?.output ?? [])].map(({ name, type }) => {
      const found = type?.value.case === 'tensorType' ? type.value.value : undefined;
      return `${name}: ${found?.elemType} [${found?.shape?.dim.map(({ value }) => value.value).join()}]`;
    });
    expect(values).toEqual(['x: 1 [3]', 'mask: 9 [3]', '0: 1 [3]', '1.sum: 1 []']);
  });

  it('holds captured tensors once, and takes none of what the result does not need', async () => {
    const [w, unused] = [tensor([1, 2, 3]), ones([1000])];
    const { bytes } = await toOnnx((x: Tensor) => {
      x.sum().add(unused);
      return x.mul(w).add(w);
    }, VECTOR);
    expect(read(bytes).graph?.initializer.map(({ dims }) => dims)).toEqual([[3n]]);
    expect(bytes.length).toBeLessThan(500);
  });

  it('names captured tensors by their paths in the module that uses them, and others by numbers', async () => {
    const linear = (seed: number): Linear => new Linear(3, 3, { key: key(seed), bias: false });
    const net = new Sequential(linear(1), linear(2));
    const [first, second] = [linear(3), linear(4)];
    const { bytes, inputs } = await toOnnx(
      ({ x, ...rest }: Record<string, Tensor>) =>
        second.forward(first.forward(net.forward(x).add(tensor([1, 2, 3])))).mul(rest['1.weight']),
      { x: { shape: [2, 3], dtype: 'float32' }, '1.weight': VECTOR },
    );
    const constants = read(bytes).graph?.initializer ?? [];
    const matrices = constants.filter(({ dims }) => dims.length === 2);
    expect(inputs.map(({ name }) => name)).toEqual(['x', '1.weight']);
    expect(matrices.map(({ name }) => name)).toEqual([
      '0.weight',
      '1.weight.2', // '1.weight' is an input
      'weight',
      'weight.2', // another module
    ]);
    const vector = constants.find(({ dims }) => dims.length === 1 && dims[0] === 3n);
    expect(vector?.name).toMatch(/^c\d+$/);
    const elements = new Float32Array(matrices[3].rawData.slice().buffer);
    expect(elements).toEqual(await second.weight.data());
  });

  it('keeps softmax one node', async () => {
    const { bytes } = await toOnnx((x: Tensor) => softmax(x), VECTOR);
    expect(read(bytes).graph?.node.map(({ opType }) => opType)).toEqual(['Softmax', 'Identity']);
  });

  it('names nodes by their modules', async () => {
    const layer = new Linear(3, 2, { key: key(0) });
    const { bytes } = await toOnnx((x: Tensor) => layer.forward(x), VECTOR);
    const names = read(bytes).graph?.node.map(({ name }) => name.replace(/_\d+$/, ''));
    expect(names).toContain('Linear/MatMul');
  });

  it('is that of the function which compile was given', async () => {
    const f = (x: Tensor): Tensor => x.exp().add(1);
    const [plain, compiled] = [await toOnnx(f, VECTOR), await toOnnx(compile(f), VECTOR)];
    expect(compiled.nodes).toBe(plain.nodes);
  });

  it('carries texts', async () => {
    const { bytes } = await toOnnx((x: Tensor) => x.neg(), VECTOR);
    const { metadataProps, graph } = read(addMetadata(bytes, { timesteps: '1000', by: 'Ada' }));
    expect(metadataProps.map(({ key: name, value }) => [name, value])).toEqual([
      ['timesteps', '1000'],
      ['by', 'Ada'],
    ]);
    expect(graph?.node).toHaveLength(2);
  });
});

describe('names', () => {
  const namesOf = async (f: (...args: never) => unknown, ...specs: unknown[]): Promise<string> => {
    const { inputs, outputs } = await toOnnx(f as (...args: unknown[]) => unknown, ...specs);
    return [inputs, outputs].map((values) => values.map(({ name }) => name).join()).join(' → ');
  };

  it.each([
    ['a single tensor', (x: Tensor) => x.neg(), [VECTOR], 'input → output'],
    [
      'several',
      (x: Tensor, y: Tensor) => [x, y, x.add(y)],
      [VECTOR, VECTOR],
      '0,1 → 0.out,1.out,2',
    ],
    ['a tree', ({ a }: { a: Tensor[] }) => ({ b: a[0] }), [{ a: [VECTOR] }], 'a.0 → b'],
    ['a tensor for a spec', ({ a }: { a: Tensor }) => ({ a }), [{ a: zeros([2]) }], 'a → a.out'],
    ['none', () => scalar(1), [], ' → output'],
    ['one that a value has', ({ v0 }: { v0: Tensor }) => v0.exp(), [{ v0: VECTOR }], 'v0 → output'],
  ] as const)('of %s', async (_what, f, specs, expected) => {
    expect(await namesOf(f, ...specs)).toBe(expected);
  });
});

describe('what is refused', () => {
  it('operations in plain code, by their names', async () => {
    const matrix = { shape: [2, 2], dtype: 'float32' } as const;
    expect(await refusal(toOnnx((x: Tensor) => cholesky(x), matrix))).toMatchInlineSnapshot(
      `"ValueError: toOnnx: cholesky has no counterpart in ONNX. Compute it outside of the model, and pass the result as an argument."`,
    );
  });

  it('specs that are none', async () => {
    const f = (x: unknown): unknown => x;
    const texts = [
      await refusal(toOnnx(f, { shape: ['B', 3], dtype: 'float32' })),
      await refusal(toOnnx(f, { shape: [-1], dtype: 'float32' })),
      await refusal(toOnnx(f, { shape: [1], dtype: 'float16' })),
      await refusal(toOnnx(f, { 'a.b': VECTOR, a: { b: VECTOR } })),
    ];
    expect(texts.join('\n')).toMatchInlineSnapshot(`
      "ValueError: toOnnx: a shape is a list of sizes, but is [B, 3]. Models have fixed shapes: write { shape: [1, 3], dtype: 'float32' }.
      ValueError: toOnnx: a shape is a list of sizes, but is [-1]. Models have fixed shapes: write { shape: [1, 3], dtype: 'float32' }.
      ValueError: toOnnx: the dtype 'float16' does not exist. 'float32', 'int32' and 'bool' do.
      ValueError: toOnnx: two tensors of the arguments have the path 'a.b'. Rename the key that contains a dot."
    `);
  });

  it('functions that give no tensors, or are asynchronous', async () => {
    const texts = [
      await refusal(toOnnx(() => 3)),
      await refusal(toOnnx((x: Tensor) => Promise.resolve(x), VECTOR)),
      await refusal(toOnnx((x: Tensor) => scalar(x.sum().itemSync()), VECTOR)),
    ];
    expect(texts.join('\n')).toMatchInlineSnapshot(`
      "ValueError: toOnnx: the function returns 3, expected a tensor, or a tree of some.
      StateError: toOnnx: the function returned a Promise, but it must be synchronous. Read values with await outside of it.
      StateError: data: the values of float32[] are not known while compile traces the function. Return the tensor and read it outside."
    `);
  });
});
