// Guidance by several conditions, with a scale for each of them.

import { checkOptions, checkTensors, concat, Tensor, ValueError } from '@tessera/tensor';
import { checkChoice, checkFields, checkFinite } from '../../config/argument-check.ts';

/** Values of conditions by name, `[B, ...]` each. */
type Values = Readonly<Record<string, Tensor>>;

/** A model of several conditions: a DiT, or any object with its `forward` and nulls. */
export interface ConditionedModel {
  forward(x: Tensor, t: Tensor, y: Values): Tensor;
  /** The nulls of all conditions. */
  nullConditions(batch: number): Values;
}

/** How the conditions of {@link guidedByConditions} act together. */
export type GuidanceForm = 'nested' | 'sum';

/** Options of {@link guidedByConditions}. */
export interface ConditionGuidance {
  /**
   * One scale for all conditions together, or a scale for each by name, in the order in which they are added.
   * A condition without a scale is left at its null.
   */
  readonly scale: number | Tensor | Readonly<Record<string, number | Tensor>>;
  /** What takes the place of nulls, such as a negative prompt. Default: nulls. */
  readonly negative?: Values;
  /**
   * `'nested'` (default): each condition is added to those before it. `'sum'`: each is added to none, as if they
   * were independent.
   */
  readonly form?: GuidanceForm;
}

/**
 * The prediction guided by several conditions, with n + 1 outputs of the model in one batch for n scales:
 *
 * - nested: `e_∅ + Σ s_i · (e(c_1 … c_i) − e(c_1 … c_{i−1}))`. With all scales 1 it is the plain model.
 * - sum: `e_∅ + Σ s_i · (e(c_i) − e_∅)`.
 *
 * Sources: Brooks et al. 2023, "InstructPix2Pix", equation 3, for two nested conditions; Liu et al. 2022,
 * "Compositional visual generation with composable diffusion models", equation 11, for the sum.
 *
 * @param x `[B, C, ...]`
 * @param t `[B]`
 * @param values Values of conditions by name.
 * @returns As `model.forward`. Channels beyond those of x, a learned variance, are those of all conditions in
 *   the nested form, and of the last in the sum.
 * @throws ValueError for a scale of a condition without values.
 * @example
 * const model = {
 *   nullConditions: () => ({ a: zeros([1]), b: zeros([1]) }),
 *   forward: (x: Tensor, _t: Tensor, y: Readonly<Record<string, Tensor>>) =>
 *     x.add(y['a'].add(y['b']).reshape([-1, 1])),
 * };
 * const values = { a: ones([1]), b: ones([1]) };
 * const options = { scale: { a: 2, b: 3 } };
 * guidedByConditions(model, zeros([1, 1]), zeros([1]), values, options); // [[5]]: 2 · 1 + 3 · 1
 */
export function guidedByConditions(
  model: ConditionedModel,
  x: Tensor,
  t: Tensor,
  values: Values,
  options: ConditionGuidance,
): Tensor {
  const op = 'guidedByConditions';
  checkFields(op, 'model', model, ['forward', 'nullConditions'], 'Give a DiT.');
  checkTensors(op, { x, t });
  checkFields(op, 'values', values, [], 'Give tensors by name.');
  checkTensors(op, values);
  checkOptions(op, options, ['scale', 'negative', 'form']);
  const { scale, negative = {}, form = 'nested' } = options;
  checkFields(op, 'negative', negative, [], 'Give tensors by name.');
  checkTensors(op, negative);
  checkChoice(op, 'form', form, ['nested', 'sum']);
  const groups = groupsOf(op, scale, Object.keys(values));
  const none: Values = { ...model.nullConditions(x.shape[0]), ...negative };
  const withGroups = (from: number, to: number): Values => {
    const names = groups.slice(from, to).flatMap((group) => group.names);
    return { ...none, ...Object.fromEntries(names.map((name) => [name, values[name]])) };
  };
  const asked = groups.map((_, i) => withGroups(form === 'nested' ? 0 : i, i + 1));
  const outputs = together(model, x, t, [none, ...asked]);
  const rest = outputs[0].shape[1] - x.shape[1];
  const parts = outputs.map((output) => output.split([x.shape[1], rest], 1));
  const prediction = groups.reduce((sum, { scale: own }, i) => {
    const before = parts[form === 'nested' ? i : 0][0];
    return sum.add(parts[i + 1][0].sub(before).mul(own));
  }, parts[0][0]);
  return concat([prediction, parts[parts.length - 1][1]], 1);
}

interface Group {
  readonly scale: number | Tensor;
  readonly names: readonly string[];
}

function groupsOf(
  op: string,
  scale: ConditionGuidance['scale'],
  names: readonly string[],
): readonly Group[] {
  if (typeof scale !== 'object' || scale instanceof Tensor) {
    if (!(scale instanceof Tensor)) checkFinite(op, 'scale', scale);
    return [{ scale, names }];
  }
  checkFields(op, 'scale', scale, [], 'Give a number, or numbers by name.');
  return Object.entries(scale).map(([name, own]) => {
    if (!(own instanceof Tensor)) checkFinite(op, `scale.${name}`, own);
    if (names.includes(name)) return { scale: own, names: [name] };
    const given = names.join(', ') || 'none';
    throw new ValueError(op, `there is a scale for '${name}', but values for ${given}.`);
  });
}

/** The outputs of a model for several sets of values, computed as one batch. */
function together(
  model: ConditionedModel,
  x: Tensor,
  t: Tensor,
  sets: readonly Values[],
): readonly Tensor[] {
  const repeat = (each: Tensor): Tensor =>
    concat(
      sets.map(() => each),
      0,
    );
  const names = Object.keys(sets[0]);
  const all = names.map((name): [string, Tensor] => [
    name,
    concat(
      sets.map((set) => set[name]),
      0,
    ),
  ]);
  return model.forward(repeat(x), repeat(t), Object.fromEntries(all)).chunk(sets.length, 0);
}
