// Small functions that kernels call, such as isNan or quotient, made exact in every mode.

/**
 * Functions that kernels call. Each is gpu.js source that means the same in every mode. Where WGSL or GLSL
 * would compute something else (integer division, NaN, infinity), the mode replaces the body.
 *
 * Why they are needed, measured: gpu.js divides in float, which is exact only to about 2^20. A shader
 * compiler may assume that there is no NaN, and folds `x !== x` away. `Infinity` becomes the largest finite
 * float. `tanh` of large numbers is NaN, `sin` and `cos` are off by 2e-4, and `exp` and `log` turn NaN into
 * numbers.
 */
export interface Intrinsic {
  /** Types of the arguments, in order. */
  readonly types: readonly ('Integer' | 'Number')[];
  readonly returns: 'Integer' | 'Number';
  /** The function in the subset of JavaScript that gpu.js translates. */
  readonly source: string;
  /** The body in WGSL, which replaces the translation of `source`; its arguments are `user_…`. */
  readonly wgsl?: string;
  /** The whole function in GLSL, which replaces the translation of `source`. */
  readonly glsl?: string;
}

/** Tests of the bits. They compare integers, so that no compiler can assume the answer. */
const NAN_TEST = {
  wgsl: 'return select(0.0, 1.0, (bitcast<u32>(user_x) & 0x7fffffffu) > 0x7f800000u);',
  glsl: 'float isNan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u ? 1.0 : 0.0; }',
};
const INFINITY_TEST = {
  wgsl: 'return select(0.0, 1.0, (bitcast<u32>(user_x) & 0x7fffffffu) == 0x7f800000u);',
  glsl: 'float isInfinite(float x) { return (floatBitsToUint(x) & 0x7fffffffu) == 0x7f800000u ? 1.0 : 0.0; }',
};

const SIGN_TEST = {
  wgsl: 'return select(0.0, 1.0, bitcast<u32>(user_x) >= 0x80000000u);',
  glsl: 'float isNegative(float x) { return floatBitsToUint(x) >= 0x80000000u ? 1.0 : 0.0; }',
};

/**
 * All intrinsics; each calls only earlier ones. None may have the name of a function that gpu.js defines in
 * GLSL, such as `modulo`: WebGL refuses a second one.
 */
const intrinsics: readonly Intrinsic[] = [
  // Integers: both operands are at least 0, and b is not 0.
  {
    types: ['Integer', 'Integer'],
    returns: 'Integer',
    source: 'function quotient(a, b) { return Math.floor((a + 0.5) / b); }',
    wgsl: 'return user_a / user_b;',
    glsl: 'int quotient(int a, int b) { return a / b; }',
  },
  {
    types: ['Integer', 'Integer'],
    returns: 'Integer',
    source: 'function remainder(a, b) { return a - quotient(a, b) * b; }',
    wgsl: 'return user_a % user_b;',
    glsl: 'int remainder(int a, int b) { return a - (a / b) * b; }',
  },
  {
    types: ['Integer', 'Integer', 'Number'],
    returns: 'Integer',
    source: 'function place(start, stride, index) { return Math.floor(start + stride * index); }',
    wgsl: 'return user_start + user_stride * i32(user_index);',
    glsl: 'int place(int start, int stride, float index) { return start + stride * int(index); }',
  },
  // Numbers that are not finite.
  {
    types: ['Number'],
    returns: 'Number',
    source: 'function isNan(x) { return x === x ? 0 : 1; }',
    ...NAN_TEST,
  },
  {
    types: ['Number'],
    returns: 'Number',
    // The literal is above the largest float32; as a float32 it becomes that largest number.
    source: 'function isInfinite(x) { return Math.abs(x) > 3.4028235e38 ? 1 : 0; }',
    ...INFINITY_TEST,
  },
  {
    types: ['Number'],
    returns: 'Number',
    // −0 counts as negative.
    source: 'function isNegative(x) { return (x === 0 ? 1 / x : x) < 0 ? 1 : 0; }',
    ...SIGN_TEST,
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: 'function infinity(zero) { return 1 / zero; }',
    wgsl: 'var bits : u32 = 0x7f800000u + u32(user_zero); return bitcast<f32>(bits);',
    glsl: 'float infinity(float zero) { return uintBitsToFloat(0x7f800000u + uint(zero)); }',
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: 'function notANumber(zero) { return zero / zero; }',
    wgsl: 'var bits : u32 = 0x7fc00000u + u32(user_zero); return bitcast<f32>(bits);',
    glsl: 'float notANumber(float zero) { return uintBitsToFloat(0x7fc00000u + uint(zero)); }',
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    // Both are tested for NaN: a compiler may turn the rest into max, which may return the other operand.
    source: [
      'function larger(a, b) {',
      '  if (isNan(a) > 0.5) { return a; }',
      '  if (isNan(b) > 0.5) { return b; }',
      '  if (a > b) { return a; }',
      '  return b;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function finiteOrZero(x) {',
      '  if (isNan(x) > 0.5) { return 0; }',
      '  if (isInfinite(x) > 0.5) { return 0; }',
      '  return x;',
      '}',
    ].join('\n'),
  },
  // Transcendental functions.
  {
    types: ['Number'],
    returns: 'Number',
    source: 'function exponential(x) { if (isNan(x) > 0.5) { return x; } return Math.exp(x); }',
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function logarithm(x) {',
      '  if (isNan(x) > 0.5) { return x; }',
      '  if (x < 0) { return notANumber(0); }',
      '  if (x === 0) { return -infinity(0); }',
      '  if (isInfinite(x) > 0.5) { return x; }',
      '  return Math.log(x);',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function squareRoot(x) {',
      '  if (isNan(x) > 0.5) { return x; }',
      '  if (x < 0) { return notANumber(0); }',
      '  if (isInfinite(x) > 0.5) { return x; }',
      '  return Math.sqrt(x);',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function hyperbolicTangent(x) {',
      '  if (isNan(x) > 0.5) { return x; }',
      '  const m = Math.min(Math.abs(x), 20);',
      '  const s = m * m;',
      // Near 0 the quotient would cancel, so a series is used: x − x³/3 + 2x⁵/15 − 17x⁷/315.
      '  if (m < 0.2) { return x * (1 - s * (0.3333333333 - s * (0.1333333333 - s * 0.0539682540))); }',
      '  const e = Math.exp(-2 * m);',
      '  const t = (1 - e) / (1 + e);',
      '  if (x < 0) { return -t; }',
      '  return t;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      // Abramowitz & Stegun 7.1.28 is too coarse; 7.1.26 is within 1.5e-7.
      'function errorFunction(x) {',
      '  if (isNan(x) > 0.5) { return x; }',
      '  const m = Math.min(Math.abs(x), 6);',
      '  const s = m * m;',
      // Near 0 the difference would cancel, so a series is used: 2/√π · (x − x³/3 + x⁵/10 − x⁷/42 + x⁹/216).
      '  if (m < 0.3) {',
      '    return 1.1283791671 * x * (1 - s * (0.3333333333 - s * (0.1 - s * (0.0238095238 - s * 0.0046296296))));',
      '  }',
      '  const t = 1 / (1 + 0.3275911 * m);',
      '  const p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));',
      '  const r = 1 - p * Math.exp(-s);',
      '  if (x < 0) { return -r; }',
      '  return r;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    source: [
      // sin(x + quarter · π/2): reduction by π/2 in three parts (Cody & Waite), then Taylor series.
      'function sine(x, quarter) {',
      '  if (isNan(x) > 0.5) { return x; }',
      '  if (isInfinite(x) > 0.5) { return notANumber(0); }',
      '  const n = Math.floor(x * 0.6366197724 + 0.5);',
      '  const r = ((x - n * 1.5703125) - n * 0.00048375129699707031) - n * 0.0000000754978995489188216;',
      '  const q = n + quarter;',
      '  const turn = q - 4 * Math.floor(q * 0.25);',
      '  const s = r * r;',
      '  const odd = r * (1 - s * (0.1666666667 - s * (0.0083333333 - s * (0.0001984127 - s * 0.0000027557))));',
      '  const even = 1 - s * (0.5 - s * (0.0416666667 - s * (0.0013888889 - s * (0.0000248016 - s * 0.00000027557))));',
      '  if (turn < 0.5) { return odd; }',
      '  if (turn < 1.5) { return even; }',
      '  if (turn < 2.5) { return -odd; }',
      '  return -even;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    source: [
      'function power(x, y) {',
      '  if (y === 0) { return 1; }',
      '  if (isNan(x) > 0.5) { return x; }',
      '  if (x === 1) { return 1; }',
      '  if (isNan(y) > 0.5) { return y; }',
      '  const m = Math.abs(x);',
      '  if (isInfinite(y) > 0.5) {',
      '    if (m === 1) { return 1; }',
      '    if (m > 1) { if (y > 0) { return infinity(0); } return 0; }',
      '    if (y > 0) { return 0; }',
      '    return infinity(0);',
      '  }',
      '  const half = y * 0.5;',
      '  const whole = y === Math.floor(y) ? 1 : 0;',
      '  const odd = half !== Math.floor(half) ? whole : 0;',
      '  let r = 0;',
      '  if (m === 0) {',
      '    if (y < 0) { r = infinity(0); }',
      '  } else {',
      '    if (isInfinite(m) > 0.5) {',
      '      if (y > 0) { r = m; }',
      '    } else {',
      '      if (x < 0 && whole < 0.5) { return notANumber(0); }',
      '      r = Math.pow(m, y);',
      '    }',
      '  }',
      '  if (odd > 0.5) { if (isNegative(x) > 0.5) { return -r; } }',
      '  return r;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function roundHalfToEven(x) {',
      '  const m = Math.abs(x);',
      '  const below = Math.floor(m);',
      '  const rest = m - below;',
      '  const half = below * 0.5;',
      '  let r = below;',
      '  if (rest > 0.5) { r = below + 1; }',
      '  if (rest === 0.5) { if (half !== Math.floor(half)) { r = below + 1; } }',
      '  if (isNegative(x) > 0.5) { return -r; }',
      '  return r;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    source: [
      // Long division: m is doubled while it fits into |a|, then halved again. No step rounds.
      'function flooredRemainder(a, b) {',
      '  if (isNan(a) > 0.5) { return a; }',
      '  if (isNan(b) > 0.5) { return b; }',
      '  if (isInfinite(a) > 0.5) { return notANumber(0); }',
      '  if (b === 0) { return notANumber(0); }',
      '  const m = Math.abs(b);',
      '  let r = Math.abs(a);',
      '  if (isInfinite(b) < 0.5) {',
      '    let t = m;',
      '    for (let i = 0; i < 280; i++) { if (t <= r * 0.5) { t = t * 2; } }',
      '    for (let j = 0; j < 281; j++) {',
      '      if (r >= t) { r = r - t; }',
      '      if (t > m) { t = t * 0.5; }',
      '    }',
      '  }',
      '  if (isNegative(a) > 0.5) { r = -r; }',
      '  if (r < 0 && b > 0) { return r + b; }',
      '  if (r > 0 && b < 0) { return r + b; }',
      '  return r;',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    source: [
      // The arctangent of the smaller coordinate over the larger one, by a polynomial of the square of that.
      'function angle(y, x) {',
      '  if (isNan(y) > 0.5) { return y; }',
      '  if (isNan(x) > 0.5) { return x; }',
      '  const a = Math.abs(y);',
      '  const b = Math.abs(x);',
      '  const small = a > b ? b : a;',
      '  const large = a > b ? a : b;',
      '  let q = small;',
      '  if (large > 0) { q = small / large; }',
      '  if (isInfinite(large) > 0.5) { q = isInfinite(small); }',
      '  const s = q * q;',
      '  const p = 0.0578813925 + s * (-0.0310970023 + s * (0.0108687095 - s * 0.001782832));',
      '  const o = -0.1426401585 + s * (0.109508805 + s * (-0.0839930624 + s * p));',
      '  let t = q + q * s * (-0.3333329856 + s * (0.1999852953 + s * o));',
      '  if (a > b) { t = 1.5707963268 - t; }',
      '  if (isNegative(x) > 0.5) { t = 3.1415926536 - t; }',
      '  if (isNegative(y) > 0.5) { return -t; }',
      '  return t;',
      '}',
    ].join('\n'),
  },
  // Halves of an int32, a high one and a low one; see Value in writer.ts.
  {
    types: ['Number'],
    returns: 'Number',
    source:
      'function wrapHigh(h) { const u = h + 32768; return u - 65536 * Math.floor(u / 65536) - 32768; }',
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function highOfFloat(x) {',
      '  if (isNan(x) > 0.5) { return 0; }',
      '  if (x >= 2147483648) { return 32767; }',
      '  if (x < -2147483648) { return -32768; }',
      '  const t = x < 0 ? Math.ceil(x) : Math.floor(x);',
      '  return Math.floor(t / 65536);',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number'],
    returns: 'Number',
    source: [
      'function lowOfFloat(x) {',
      '  if (isNan(x) > 0.5) { return 0; }',
      '  if (x >= 2147483648) { return 65535; }',
      '  if (x < -2147483648) { return 0; }',
      '  const t = x < 0 ? Math.ceil(x) : Math.floor(x);',
      '  return t - 65536 * Math.floor(t / 65536);',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    source: [
      // The low 16 bits of a product of two halves, computed by bytes: no step exceeds 2^24.
      'function lowProduct(a, b) {',
      '  const c = Math.floor(b / 256);',
      '  const p = a * c;',
      '  const q = a * (b - 256 * c) + 256 * (p - 256 * Math.floor(p / 256));',
      '  return q - 65536 * Math.floor(q / 65536);',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number'],
    returns: 'Number',
    source: [
      // The high 16 bits of a product of two low halves.
      'function highProduct(a, b) {',
      '  const c = Math.floor(b / 256);',
      '  const p = a * c;',
      '  const q = a * (b - 256 * c) + 256 * (p - 256 * Math.floor(p / 256));',
      '  return Math.floor(p / 256) + Math.floor(q / 65536);',
      '}',
    ].join('\n'),
  },
  {
    types: ['Number', 'Number', 'Number', 'Number', 'Number'],
    returns: 'Number',
    source: [
      // Long division of the absolute values, one bit at a time: bits leave (ah, al) at the top and enter the
      // rest (rh, rl) at the bottom. At the end the rest gets the sign of b; `which` selects its half.
      'function flooredRemainderOfInts(high, low, divisorHigh, divisorLow, which) {',
      '  let ah = high;',
      '  let al = low;',
      '  if (high < 0) { ah = -high; if (low > 0) { ah = ah - 1; al = 65536 - low; } }',
      '  let bh = divisorHigh;',
      '  let bl = divisorLow;',
      '  if (divisorHigh < 0) { bh = -bh; if (bl > 0) { bh = bh - 1; bl = 65536 - bl; } }',
      '  let rh = ah * 0;',
      '  let rl = ah * 0;',
      '  for (let i = 0; i < 32; i++) {',
      '    ah = ah * 2 + Math.floor(al / 32768);',
      '    al = al * 2 - 65536 * Math.floor(al / 32768);',
      '    const bit = Math.floor(ah / 65536);',
      '    ah = ah - 65536 * bit;',
      '    rh = rh * 2 + Math.floor(rl / 32768);',
      '    rl = rl * 2 - 65536 * Math.floor(rl / 32768) + bit;',
      '    const fits = rh > bh || (rh === bh && rl >= bl) ? 1 : 0;',
      '    if (fits > 0.5) {',
      '      rh = rh - bh;',
      '      rl = rl - bl;',
      '      if (rl < 0) { rl = rl + 65536; rh = rh - 1; }',
      '    }',
      '  }',
      '  if (divisorHigh === 0 && divisorLow === 0) { return 0; }',
      '  if (rh === 0 && rl === 0) { return 0; }',
      '  const differ = high < 0 ? (divisorHigh < 0 ? 0 : 1) : (divisorHigh < 0 ? 1 : 0);',
      '  if (differ > 0.5) {',
      '    rh = bh - rh;',
      '    rl = bl - rl;',
      '    if (rl < 0) { rl = rl + 65536; rh = rh - 1; }',
      '  }',
      '  if (divisorHigh < 0) {',
      '    rh = -rh;',
      '    if (rl > 0) { rh = rh - 1; rl = 65536 - rl; }',
      '  }',
      '  return which > 0.5 ? rh : rl;',
      '}',
    ].join('\n'),
  },
];

/** The name of an intrinsic. */
export function intrinsicName({ source }: Intrinsic): string {
  return source.slice('function '.length, source.indexOf('('));
}

/** The names of an intrinsic's arguments. */
export function intrinsicArguments({ source }: Intrinsic): string[] {
  const list = source.slice(source.indexOf('(') + 1, source.indexOf(')'));
  return list.split(', ');
}

/** The intrinsics that a text calls, directly or through others, in the order of the table. */
export function intrinsicsOf(text: string): Intrinsic[] {
  const called = new Set<Intrinsic>();
  const visit = (caller: string): void => {
    for (const intrinsic of intrinsics) {
      if (called.has(intrinsic) || !caller.includes(`${intrinsicName(intrinsic)}(`)) continue;
      called.add(intrinsic);
      visit(intrinsic.source);
    }
  };
  visit(text);
  return intrinsics.filter((intrinsic) => called.has(intrinsic));
}
