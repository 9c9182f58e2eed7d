// The public names of @tessera/tensor.

/**
 * Tensors, the operations on them, random numbers, trees, and `compile`. It has no dependencies and runs
 * wherever JavaScript does.
 *
 * - **Make** a tensor with {@link tensor}, {@link zeros}, {@link arange}, …, or draw one from a {@link key}.
 * - **Compute** with the methods of {@link Tensor}, and with functions such as {@link softmax},
 *   {@link conv2d}, {@link attention}, {@link einsum}, …
 * - **Compile** a pure function of trees of tensors with {@link compile} into one planned program.
 * - **Read and write** weights and arrays with {@link decodeSafetensors} and {@link fromNpy}.
 *
 * Every refused call throws a {@link TesseraError} whose text says what clashes.
 *
 * @module @tessera/tensor
 */
import './eager.ts';

export { checkFunction, checkList, checkOptions, checkTensors, kindOf } from './arguments.ts';
export type { Backend, Executable, Storage } from './backends/backend.ts';
export { cpuBackend } from './backends/cpu/cpu.ts';
export { wasmBackend, type WasmBackend, type WasmOptions } from './backends/wasm/wasm.ts';
export { compile, type Compiled, type CompileOptions, type Stages } from './compile/compile.ts';
export {
  arange,
  eye,
  full,
  linspace,
  ones,
  scalar,
  tensor,
  zeros,
  type LinspaceOptions,
  type TensorData,
  type TensorOptions,
} from './create.ts';
export { defaultBackend, setDefaultBackend } from './backends/default-backend.ts';
export { type DType, type TypedArray, type TypedArrayOf } from './array/dtype.ts';
export type { NestedArray } from './array/elements.ts';
export {
  AxisError,
  DTypeError,
  excerpt,
  FormatError,
  formatShape,
  formatSpec,
  ShapeError,
  StateError,
  TesseraError,
  ValueError,
} from './errors.ts';
export {
  fromImageData,
  toImageData,
  type FromImageDataOptions,
  type ImageDataLike,
  type RgbaImage,
} from './io/image-data.ts';
export {
  encodeSafetensors,
  type EncodeSafetensorsOptions,
  type Float64Entry,
} from './io/encode-safetensors.ts';
export type { StoredType } from './io/foreign-elements.ts';
export { parseJson } from './io/json.ts';
export {
  fromNpy,
  npyDType,
  npyHeader,
  toNpy,
  type NpyHeader,
  type ToNpyOptions,
} from './io/npy.ts';
export type { SafetensorsRecord } from './io/safetensors-header.ts';
export {
  decodeSafetensors,
  openSafetensors,
  type OpenSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
} from './io/safetensors.ts';
export { gelu, geluErf, silu, softplus } from './ops/elementwise/activation.ts';
export { attention, type AttentionOptions } from './ops/network/attention.ts';
export { clamp, clamp as clip } from './ops/elementwise/clamp.ts';
export { acosh, asinh, atanh, cosh, sinh } from './ops/elementwise/hyperbolic.ts';
export { ceil, floorDivide, mod, round, sign } from './ops/elementwise/rounding.ts';
export { acos, asin, atan, atan2, tan } from './ops/elementwise/trigonometric.ts';
export { concat, stack, where } from './ops/arrangement/combine.ts';
export { conv1d, type Conv1dOptions } from './ops/product/conv1d.ts';
export {
  conv2d,
  convTranspose2d,
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  type Size2d,
} from './ops/product/conv2d.ts';
export { diag, diagonal, trace } from './ops/arrangement/diagonal.ts';
export { categorical, permutation, type CategoricalOptions } from './ops/creation/draw.ts';
export { einsum } from './ops/product/einsum.ts';
export { expm1, log1p } from './ops/elementwise/exponential.ts';
export { embedding, gather, indexSelect, oneHot, scatterAdd } from './ops/indexing/gather.ts';
export { fullLike, onesLike, zerosLike } from './ops/creation/like.ts';
export { linear, matmul } from './ops/product/linear.ts';
export {
  all,
  allClose,
  any,
  isClose,
  isFinite,
  isInf,
  isNaN,
  type CloseOptions,
} from './ops/elementwise/logic.ts';
export { maskedSelect, nonzero, unique, type Unique } from './ops/indexing/lookup.ts';
export {
  batchNorm,
  groupNorm,
  layerNorm,
  rmsNorm,
  type BatchNormOptions,
  type LayerNormOptions,
  type NormalizeOptions,
  type RmsNormOptions,
  type RunningStatistics,
} from './ops/network/normalize.ts';
export { norm, type NormOptions } from './ops/reduction/norm.ts';
export { meshgrid, outer, type MeshgridOptions } from './ops/product/outer.ts';
export { pad, type PadOptions } from './ops/arrangement/padding.ts';
export {
  avgPool2d,
  maxPool2d,
  type AvgPool2dOptions,
  type MaxPool2dOptions,
} from './ops/network/pooling.ts';
export { roll, tile } from './ops/arrangement/rearrange.ts';
export { argmax, argmin, prod } from './ops/reduction/reduction.ts';
export { repeat } from './ops/arrangement/repeat.ts';
export { cummax, cummin, cumprod, cumsum } from './ops/reduction/scan.ts';
export {
  bincount,
  histogram,
  searchsorted,
  type Histogram,
  type SearchOptions,
} from './ops/reduction/search.ts';
export { logSoftmax, logSumExp, softmax } from './ops/network/softmax.ts';
export {
  argsort,
  sort,
  topk,
  type Ranked,
  type SortOptions,
  type TopkOptions,
} from './ops/indexing/sort.ts';
export { median, quantile, std, type StdOptions } from './ops/reduction/statistics.ts';
export { take, takeAlongAxis } from './ops/indexing/take.ts';
export { tril, triu } from './ops/arrangement/triangle.ts';
export {
  upsampleBilinear2d,
  upsampleNearest2d,
  type UpsampleBilinear2dOptions,
  type UpsampleTarget,
} from './ops/network/upsample.ts';
export {
  bernoulli,
  foldIn,
  key,
  normal,
  randomInt,
  randomWords,
  split,
  splitKey,
  uniform,
} from './random.ts';
export { broadcastShapes, sizeOf, type Shape } from './array/shape.ts';
export { Tensor, type Axes, type Operand, type ReduceOptions, type SliceSpec } from './tensor.ts';
export { tree, TreeNode, type FlatTree } from './tree.ts';
