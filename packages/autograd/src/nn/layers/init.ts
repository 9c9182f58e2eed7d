// First values of weights: Xavier, Kaiming, normal, truncated normal, zeros and ones.

import {
  normal as normalNumbers,
  ones,
  scalar,
  uniform,
  ValueError,
  zeros,
  type Tensor,
} from '@tessera/tensor';

import { checkRange } from './sizes.ts';

/** Makes the first values of a parameter of `shape` from a random key. */
export type Initializer = (key: Tensor, shape: readonly number[]) => Tensor;

/**
 * Uniform in `±gain · √(6 / (fanIn + fanOut))`. This keeps the variance of activations and of gradients equal
 * from layer to layer.
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
 * Normal with deviation `gain · √(2 / (fanIn + fanOut))`, the spread of {@link xavierUniform}.
 *
 * Source: Glorot & Bengio 2010, equation 12.
 */
function xavierNormal(gain = 1): Initializer {
  return (key, shape) => {
    const { fanIn, fanOut } = fans('xavierNormal', shape);
    return normalNumbers(key, shape).mul(gain * Math.sqrt(2 / (fanIn + fanOut)));
  };
}

/**
 * Uniform in `±√(6 / ((1 + a²) · fanIn))`, for rectifiers with negative slope `a`. The default `a = √5` gives
 * `±1/√fanIn`, the start of PyTorch's linear and convolution layers.
 *
 * Source: He et al. 2015, "Delving deep into rectifiers", equations 10 and 12.
 */
function kaimingUniform(a: number = Math.sqrt(5)): Initializer {
  return (key, shape) => {
    const bound = Math.sqrt(6 / ((1 + a * a) * fans('kaimingUniform', shape).fanIn));
    return uniform(key, shape, -bound, bound);
  };
}

/**
 * Normal with deviation `√(2 / ((1 + a²) · fanIn))`, for rectifiers with negative slope `a`. The default `a =
 * 0` is for ReLU.
 *
 * Source: He et al. 2015, "Delving deep into rectifiers", equations 10 and 12.
 */
function kaimingNormal(a = 0): Initializer {
  return (key, shape) => {
    const std = Math.sqrt(2 / ((1 + a * a) * fans('kaimingNormal', shape).fanIn));
    return normalNumbers(key, shape).mul(std);
  };
}

/** Normal with mean 0 and the given standard deviation. */
function normal(std: number): Initializer {
  checkRange('normal', 'std', std);
  return (key, shape) => normalNumbers(key, shape).mul(std);
}

/**
 * Normal with mean 0 and the given standard deviation, but with no value outside of `±bound · std`. So the
 * values spread less than `std` (0.88 std at the default bound of 2).
 *
 * It is drawn without rejection, by the inverse of the distribution function at uniform places: `√2 · std ·
 * erf⁻¹(u)` with u uniform in `±erf(bound / √2)`.
 *
 * Source: Devroye 1986, "Non-uniform random variate generation", section II.2.
 */
function truncatedNormal(std: number, bound = 2): Initializer {
  checkRange('truncatedNormal', 'std', std);
  if (!(bound > 0))
    throw new ValueError('truncatedNormal', `bound must be above 0, but is ${bound}.`);
  return (key, shape) => {
    const edge = scalar(bound / Math.SQRT2).erf();
    const places = uniform(key, shape, HALF_STEP - 1, HALF_STEP + 1); // symmetric, and never ±1
    const values = inverseErf(places.mul(edge)).mul(Math.SQRT2);
    return values.maximum(-bound).minimum(bound).mul(std);
  };
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
  readonly xavierNormal: typeof xavierNormal;
  readonly kaimingUniform: typeof kaimingUniform;
  readonly kaimingNormal: typeof kaimingNormal;
  readonly normal: typeof normal;
  readonly truncatedNormal: typeof truncatedNormal;
  readonly zeros: typeof allZeros;
  readonly ones: typeof allOnes;
} = {
  xavierUniform,
  xavierNormal,
  kaimingUniform,
  kaimingNormal,
  normal,
  truncatedNormal,
  zeros: allZeros,
  ones: allOnes,
};

/** The number of inputs and outputs of one unit of a weight `[out, in, ...kernel]`. */
function fans(op: string, shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ValueError(op, `needs a weight [out, in, ...kernel], but got [${shape.join(', ')}].`);
  }
  const window = shape.slice(2).reduce((product, n) => product * n, 1);
  return { fanIn: shape[1] * window, fanOut: shape[0] * window };
}

/** Half the distance between neighbouring numbers that `uniform` draws from a range of length 2. */
const HALF_STEP = 2 ** -24;

/** Coefficients of {@link inverseErf}, highest power first: in w − 2.5 for w < 5, else in √w − 3. */
const CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3,
  -4.17768164e-3, 0.246640727, 1.50140941,
];
const TAIL = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3,
  9.43887047e-3, 1.00167406, 2.83297682,
];

/**
 * The inverse of erf for x in (−1, 1), to float32 accuracy.
 *
 * Source: Giles 2012, "Approximating the erfinv function", GPU Computing Gems, table 5.
 */
function inverseErf(x: Tensor): Tensor {
  const w = x.neg().add(1).mul(x.add(1)).log().neg();
  const polynomial = (coefficients: readonly number[], at: Tensor): Tensor =>
    coefficients.slice(1).reduce((sum, c) => sum.mul(at).add(c), at.mul(0).add(coefficients[0]));
  const tail = polynomial(TAIL, w.sqrt().sub(3));
  return w
    .less(5)
    .where(polynomial(CENTRE, w.sub(2.5)), tail)
    .mul(x);
}
