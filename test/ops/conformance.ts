import { layouts } from '@tessera/autograd/testing';
import {
  compile,
  defaultBackend,
  setDefaultBackend,
  tensor,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { everywhere } from './arbitraries.ts';
import { specOf, wrongElements, type Expected } from './differences.ts';
import { evaluate } from './reference.ts';
import type { Cases } from './row.ts';

/** How closely a backend is looked at. */
export interface Strictness {
  /** Deviation of float32 results from the definitions, see {@link wrongElements}. */
  readonly tolerance: number;
  /** Random cases of a row. */
  readonly numRuns: number;
}

/**
 * Computes random cases of an operation on a backend, eagerly and compiled, over views of any kind, in
 * Node or in a page.
 *
 * @throws Error with the smallest case found whose results are not what the definitions say
 */
export async function checkConformance(
  backend: Backend,
  cases: Cases,
  { tolerance, numRuns }: Strictness,
): Promise<void> {
  const before = defaultBackend();
  await fc.assert(
    fc.asyncProperty(everywhere(cases), layouts, async ({ f, inputs }, layout) => {
      const expected = evaluate(f, inputs);
      setDefaultBackend(backend);
      try {
        const operands = inputs.map((x) => layout(moved(x)));
        const run = (...args: readonly Tensor[]): readonly Tensor[] => [f(...args)].flat();
        const given = inputs.map(textOf).join(', ');
        await refuseOthers(`eager, of ${given}`, run(...operands), expected, tolerance);
        await refuseOthers(`compiled, of ${given}`, compile(run)(...operands), expected, tolerance);
      } finally {
        setDefaultBackend(before);
      }
    }),
    { numRuns },
  );
}

/** The same elements on the default backend. */
function moved(x: Tensor): Tensor {
  return tensor(x.dataSync().slice(), { shape: x.shape, dtype: x.dtype });
}

async function refuseOthers(
  how: string,
  actual: readonly Tensor[],
  expected: readonly Expected[],
  tolerance: number,
): Promise<void> {
  const [got, wanted] = [actual, expected].map((tensors) => tensors.map(specOf).join(' '));
  if (got !== wanted) throw new Error(`${how}: got ${got}, wanted ${wanted}`);
  const wrong = await wrongElements(actual, expected, tolerance);
  if (wrong.length === 0) return;
  const list = wrong.map(
    ({ result, at, got: is, wanted: should }) =>
      `${specOf(actual[result])} at ${at} is ${numberText(is)}, wanted ${numberText(should)}`,
  );
  throw new Error(`${how}: ${list.join('; ')}`);
}

/** A tensor with its elements. */
function textOf(x: Tensor): string {
  return `${specOf(x)} ${Array.from(x.dataSync(), numberText).join()}`;
}

/** A number with its sign, of which zeros have one too. */
function numberText(x: number): string {
  return Object.is(x, -0) ? '-0' : String(x);
}
