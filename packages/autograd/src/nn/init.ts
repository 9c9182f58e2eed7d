import {
  normal as normalNumbers,
  ones,
  uniform,
  ValueError,
  zeros,
  type Tensor,
} from '@tessera/tensor';

/** Makes the first values of a parameter of `shape` out of a random key. */
export type Initializer = (key: Tensor, shape: readonly number[]) => Tensor;

/**
 * Uniform in `±gain · √(6 / (fanIn + fanOut))`, which keeps the variance of activations and of
 * gradients equal from layer to layer.
 *
 * Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
 * networks", equation 16.
 */
function xavierUniform(gain = 1): Initializer {
  return (key, shape) => {
    const { fanIn, fanOut } = fans('xavierUniform', shape);
    const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
    return uniform(key, shape, -bound, bound);
  };
}

/**
 * Uniform in `±√(6 / ((1 + a²) · fanIn))`, made for rectifiers of negative slope `a`. The default
 * `a = √5` gives `±1/√fanIn`, the start of PyTorch's linear and convolution layers.
 *
 * Source: He et al. 2015, "Delving deep into rectifiers", equations 10 and 12.
 */
function kaimingUniform(a: number = Math.sqrt(5)): Initializer {
  return (key, shape) => {
    const bound = Math.sqrt(6 / ((1 + a * a) * fans('kaimingUniform', shape).fanIn));
    return uniform(key, shape, -bound, bound);
  };
}

/** Normal with mean 0 and the given standard deviation. */
function normal(std: number): Initializer {
  return (key, shape) => normalNumbers(key, shape).mul(std);
}

/** All 0; the key is not used. */
function allZeros(): Initializer {
  return (_key, shape) => zeros(shape);
}

/** All 1; the key is not used. */
function allOnes(): Initializer {
  return (_key, shape) => ones(shape);
}

/**
 * Initializers.
 *
 * @example
 * new Linear(64, 32, { key: key(0), init: init.xavierUniform() });
 */
export const init: {
  readonly xavierUniform: typeof xavierUniform;
  readonly kaimingUniform: typeof kaimingUniform;
  readonly normal: typeof normal;
  readonly zeros: typeof allZeros;
  readonly ones: typeof allOnes;
} = { xavierUniform, kaimingUniform, normal, zeros: allZeros, ones: allOnes };

/** Inputs and outputs of one unit of a weight `[out, in, ...kernel]`. */
function fans(op: string, shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ValueError(op, `needs a weight [out, in, ...kernel], but got [${shape.join(', ')}].`);
  }
  const window = shape.slice(2).reduce((product, n) => product * n, 1);
  return { fanIn: shape[1] * window, fanOut: shape[0] * window };
}
