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
   * A condition without a scale is told to every output, as if its scale were 1.
   */
  readonly scale: number | Tensor | Readonly<Record<string, number | Tensor>>;
  /**
   * What takes the place of nulls in the output that guidance leads away from, such as a negative prompt. Default:
   * nulls. The negative of a condition with a scale stays until that condition is added.
   */
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
 * @throws ValueError for a scale of a condition without values, for a name that the model does not have, or for a
 *   negative that no scale leads away from.
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
  const nulls = model.nullConditions(x.shape[0]);
  for (const name of Object.keys({ ...values, ...negative })) checkKnown(op, name, nulls);
  const scaled = new Set(groups.flatMap(({ names }) => names));
  const told = Object.keys(values).filter((name) => !scaled.has(name));
  checkNegative(op, Object.keys(negative), told, groups.length);
  const none: Values = { ...nulls, ...negative, ...pick(values, told) };
  const waiting = Object.keys(negative).filter((name) => scaled.has(name));
  const asked = groups.map((_, i): Values => {
    const added = groups.slice(form === 'nested' ? 0 : i, i + 1).flatMap(({ names }) => names);
    return { ...nulls, ...pick(negative, waiting), ...pick(values, [...told, ...added]) };
  });
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

function pick(values: Values, names: readonly string[]): Values {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

function checkKnown(op: string, name: string, nulls: Values): void {
  if (Object.hasOwn(nulls, name)) return;
  const known = Object.keys(nulls).join(', ') || 'none';
  throw new ValueError(op, `the model has no condition '${name}'. It has ${known}.`);
}

/** Throws a ValueError if a negative changes nothing, or if nothing leads away from it. */
function checkNegative(
  op: string,
  negative: readonly string[],
  told: readonly string[],
  scales: number,
): void {
  const idle = scales === 0 ? negative[0] : negative.find((name) => told.includes(name));
  if (idle === undefined) return;
  throw new ValueError(
    op,
    `there is a negative '${idle}', but no scale leads away from it. Give a scale for ${idle}.`,
  );
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
