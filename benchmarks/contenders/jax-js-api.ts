// The few types of @jax-js/jax that are used, so that all compiles without it.

/** An array; every use consumes it unless it is used as `ref`. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: readonly number[];
  add(x: JaxArray | number): JaxArray;
  sub(x: JaxArray | number): JaxArray;
  mul(x: JaxArray | number): JaxArray;
  div(x: JaxArray | number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  slice(i: number): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** Arrays by name. */
export type JaxArrays = Readonly<Record<string, JaxArray>>;

/** A pullback, which is disposed of by hand. */
interface Pullback {
  (cotangent: JaxArray): readonly JaxArray[];
  dispose(): void;
}

/** The module. */
export interface Jax {
  readonly numpy: {
    array(data: Float32Array | readonly number[]): JaxArray;
    dot(a: JaxArray, b: JaxArray): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(x: JaxArray, axes?: readonly number[]): JaxArray;
    split(x: JaxArray, parts: number, axis: number): readonly JaxArray[];
    sum(x: JaxArray, axis: number): JaxArray;
    mean(x: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    zerosLike(x: JaxArray): JaxArray;
  };
  readonly nn: {
    gelu(x: JaxArray, options: { readonly approximate: boolean }): JaxArray;
    silu(x: JaxArray): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { readonly epsilon: number }): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(
      x: JaxArray,
      weight: JaxArray,
      strides: readonly number[],
      padding: readonly (readonly [number, number])[],
    ): JaxArray;
  };
  readonly tree: { ref<T>(arrays: T): T };
  jit<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => R;
  vjp(
    f: (...inputs: readonly JaxArray[]) => JaxArray,
    primals: readonly JaxArray[],
  ): readonly [JaxArray, Pullback];
  valueAndGrad<P, A extends readonly unknown[]>(
    f: (parameters: P, ...args: A) => JaxArray,
  ): (parameters: P, ...args: A) => readonly [JaxArray, P];
  blockUntilReady<T>(arrays: T): Promise<T>;
}
