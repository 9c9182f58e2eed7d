#!/usr/bin/env bash
# onnxruntime's float32 ReduceSum on a CPU is off by 1 % for a column of a million, and by 0.1 % for a row.
#
# Expected: a library of this age adds float32 in pairs or in double precision, as NumPy and PyTorch do, so that
# a sum of a million equal positive numbers is right to about 1e-6 whichever way they lie.
# Seen with onnxruntime-node 1.30.0 (its CPU library, Linux x64), model written with onnx-buf 1.20.0-1: a million
# times 0.1 sums up to 99,910 as a row [1, 1000000] over axis 1 (relative error 9e-4), and to 100,958 as a column
# [1000000, 1] over axis 0 (1e-2), as one running sum in float32 does. In double precision it is 100,000.0015.
# ReduceMean shares the error: the mean of a column of 0.1 is 0.10096.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export ONNXRUNTIME_NODE_INSTALL=skip
echo '{ "type": "module" }' > package.json
npm install --silent --no-audit --no-fund onnxruntime-node@1.30.0 onnx-buf@1.20.0-1 @bufbuild/protobuf@2.10.2

cat > sums.mjs <<'JS'
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import ort from 'onnxruntime-node';

const N = 1_000_000;

/** The result of one reduction of `data` of that shape over an axis. */
async function reduced(opType, shape, axis, data) {
  const type = (dims) => ({
    value: {
      case: 'tensorType',
      value: {
        elemType: 1,
        shape: { dim: dims.map((d) => ({ value: { case: 'dimValue', value: BigInt(d) } })) },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: 9n,
    opsetImport: [{ domain: '', version: 20n }],
    graph: {
      name: 'g',
      node: [{ opType, input: ['x', 'axes'], output: ['y'], attribute: [{ name: 'keepdims', type: 2, i: 0n }] }],
      input: [{ name: 'x', type: type(shape) }],
      output: [{ name: 'y', type: type([1]) }],
      initializer: [{ name: 'axes', dims: [1n], dataType: 7, int64Data: [BigInt(axis)] }],
    },
  });
  const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model));
  const { y } = await session.run({ x: new ort.Tensor('float32', data, shape) });
  return y.data[0];
}

const tenth = new Float32Array(N).fill(0.1);
const exact = N * tenth[0];
const off = (value, right) => Math.abs(value / right - 1);
const row = await reduced('ReduceSum', [1, N], 1, tenth);
const column = await reduced('ReduceSum', [N, 1], 0, tenth);
const mean = await reduced('ReduceMean', [N, 1], 0, tenth);
console.log(`exact ${exact}, row ${row}, column ${column}, mean of the column ${mean}`);
console.log(`row off by ${off(row, exact).toExponential(1)}, column by ${off(column, exact).toExponential(1)}`);
const holds =
  off(row, exact) > 3e-4 && off(row, exact) < 3e-3 && off(column, exact) > 5e-3 && off(column, exact) < 2e-2 &&
  off(mean, tenth[0]) > 5e-3;
process.exit(holds ? 0 : 1);
JS
node sums.mjs
