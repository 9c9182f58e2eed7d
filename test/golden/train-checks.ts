import {
  compareExactly,
  compareNames,
  compareValues,
  type Comparison,
  type Values,
} from './compare.ts';

/** Sum and sum of squares of a parameter. */
export interface Checksum {
  readonly sum: number;
  readonly sumsq: number;
}

/** A checksum with its tolerances. */
export interface ToleratedChecksum extends Checksum {
  readonly sum_atol: number;
  readonly sumsq_atol: number;
}

/** How far PyTorch's float32 run was from float64 after all steps, and how far the parameter moved. */
export interface Spread {
  readonly rms: number;
  readonly rms_update: number;
}

/** Parameters after some step, by name. */
export type Parameters = ReadonlyMap<string, Values>;

/**
 * The values that a name in `train.json` stands for: a parameter, or one part of a packed bias such
 * as `blocks.0.attn.qkv.bias[k]`, where the letters before `.bias` name the parts in order.
 */
function parameterPart(parameters: Parameters, name: string): Float64Array {
  const part = /^(.*?([a-z]+)\.bias)\[([a-z])\]$/.exec(name);
  const values = parameters.get(part === null ? name : part[1]);
  if (values === undefined) throw new Error(`the model has no parameter "${name}"`);
  const data = Float64Array.from(values.data);
  if (part === null) return data;
  const [, , letters, letter] = part;
  const size = data.length / letters.length;
  const start = letters.indexOf(letter) * size;
  if (start < 0) throw new Error(`"${name}" has no part ${letter}`);
  return data.subarray(start, start + size);
}

/** Compares sums and sums of squares of all parameters but those whose gradient is noise. */
export function compareChecksums(
  parameters: Parameters,
  wanted: Readonly<Record<string, Checksum>>,
  tolerances: Readonly<Record<string, ToleratedChecksum>>,
  noise: readonly string[],
): Comparison[] {
  return Object.entries(wanted)
    .filter(([name]) => !noise.includes(name))
    .flatMap(([name, want]) => {
      if (!Object.hasOwn(tolerances, name)) throw new Error(`no tolerance for "${name}"`);
      const { sum_atol: sumAtol, sumsq_atol: sumsqAtol } = tolerances[name];
      const data = parameterPart(parameters, name);
      const sum = data.reduce((total, x) => total + x, 0);
      const sumsq = data.reduce((total, x) => total + x * x, 0);
      return [
        compareValues(`sum of ${name}`, single(sum), single(want.sum), { rtol: 0, atol: sumAtol }),
        compareValues(`sum of squares of ${name}`, single(sumsq), single(want.sumsq), {
          rtol: 0,
          atol: sumsqAtol,
        }),
      ];
    });
}

/** Compares all parameters: the root mean square of what they are off, as the manifest suggests. */
export function compareFinal(
  parameters: Parameters,
  wanted: Parameters,
  spreads: Readonly<Record<string, Spread>>,
  noise: readonly string[],
): Comparison[] {
  const covered = new Set(Object.keys(spreads).map((name) => name.replace(/\[[a-z]\]$/, '')));
  const names = compareNames('trained tensors', [...parameters.keys()], [...covered]);
  const parts = Object.entries(spreads)
    .filter(([name]) => !noise.includes(name))
    .map(([name, { rms, rms_update: update }]) => {
      const [got, want] = [parameterPart(parameters, name), parameterPart(wanted, name)];
      if (got.length !== want.length) {
        return compareExactly(`number of values of ${name}`, got.length, want.length);
      }
      const squares = got.reduce((total, x, i) => total + (x - want[i]) ** 2, 0);
      const error = Math.sqrt(squares / got.length);
      const atol = Math.max(10 * rms, 0.02 * update);
      return compareValues(`rms error of ${name}`, single(error), single(0), { rtol: 0, atol });
    });
  return [names, ...parts];
}

/** Compares one number a step; the first step, before any update, has a tolerance of its own. */
export function comparePerStep(
  what: string,
  got: readonly number[],
  want: readonly number[],
  first: number,
  rest: number,
): Comparison[] {
  const list = (data: readonly number[]): Values => ({ shape: [data.length], data });
  return [
    compareValues(`${what} of step 1`, list(got.slice(0, 1)), list(want.slice(0, 1)), {
      rtol: first,
      atol: 0,
    }),
    compareValues(`${what} after step 1`, list(got.slice(1)), list(want.slice(1)), {
      rtol: rest,
      atol: 0,
    }),
  ];
}

function single(value: number): Values {
  return { shape: [], data: [value] };
}
