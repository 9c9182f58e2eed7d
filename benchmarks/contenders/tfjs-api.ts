// The few types of @tensorflow/tfjs that are used, so that all compiles without it.

/** A tensor; methods are those of the chained API. */
export interface TfTensor {
  readonly shape: number[];
  add(x: TfTensor | number): TfTensor;
  sub(x: TfTensor | number): TfTensor;
  mul(x: TfTensor | number): TfTensor;
  square(): TfTensor;
  rsqrt(): TfTensor;
  tanh(): TfTensor;
  erf(): TfTensor;
  sigmoid(): TfTensor;
  mean(axis?: number, keepDims?: boolean): TfTensor;
  sum(axis?: number): TfTensor;
  reshape(shape: readonly number[]): TfTensor;
  clone(): TfTensor;
  dataSync(): Float32Array;
  dispose(): void;
}

/** A tensor that can be assigned to. */
export interface TfVariable extends TfTensor {
  assign(x: TfTensor): void;
}

/** Parameters by name. */
export type TfParameters = Readonly<Record<string, TfTensor>>;

/** A function of two operands with a gradient of its own: `save` keeps what `gradFunc` is given back. */
type CustomFunction = (
  a: TfTensor,
  b: TfTensor,
  save: (operands: readonly TfTensor[]) => void,
) => {
  readonly value: TfTensor;
  gradFunc(dy: TfTensor, saved: readonly TfTensor[]): readonly TfTensor[];
};

/** The module. */
export interface Tf {
  readonly train: {
    adam(
      rate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): { applyGradients(gradients: Readonly<Record<string, TfTensor>>): void };
  };
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array, shape: readonly number[]): TfTensor;
  variable(initial: TfTensor, trainable: boolean, name: string): TfVariable;
  tidy<T>(f: () => T): T;
  dispose(tensors: Readonly<Record<string, TfTensor>> | readonly TfTensor[]): void;
  customGrad(f: CustomFunction): (a: TfTensor, b: TfTensor) => TfTensor;
  valueAndGrads(
    f: (...inputs: readonly TfTensor[]) => TfTensor,
  ): (
    inputs: readonly TfTensor[],
    dy: TfTensor,
  ) => { readonly value: TfTensor; readonly grads: TfTensor[] };
  variableGrads(f: () => TfTensor): {
    readonly value: TfTensor;
    readonly grads: Readonly<Record<string, TfTensor>>;
  };
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  transpose(x: TfTensor, axes?: readonly number[]): TfTensor;
  softmax(x: TfTensor, axis: number): TfTensor;
  split(x: TfTensor, parts: number, axis: number): TfTensor[];
  slice(x: TfTensor, begin: readonly number[], size: readonly number[]): TfTensor;
  conv2d(
    x: TfTensor,
    filter: TfTensor,
    strides: number,
    pad: readonly (readonly [number, number])[],
    dataFormat?: 'NHWC',
    dilations?: number,
  ): TfTensor;
  conv2dTranspose(
    x: TfTensor,
    filter: TfTensor,
    outputShape: readonly number[],
    strides: number,
    pad: readonly (readonly [number, number])[],
  ): TfTensor;
}
