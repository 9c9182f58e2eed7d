// A model with its conditions and guidance as a sampler calls it, compiled.

import { compile, concat, scalar, Tensor, tensor, ValueError } from '@tessera/tensor';
import { LABEL } from '../config/condition.ts';
import { guidedByConditions } from '../diffusion/guidance/conditions.ts';
import { guidedForward, type GuidanceOptions } from '../diffusion/guidance/guidance.ts';
import { isGuided } from '../diffusion/guidance/interval.ts';
import type { SampledModel } from '../diffusion/sampler/way.ts';
import type { Conditioning, ConditionValues } from '../model/conditions/conditions.ts';
import type { DiT, ForwardOptions } from '../model/dit.ts';
import { conditioningOf, repeatedValues } from './conditioning.ts';
import type { Asked } from './generate-options.ts';
import { labelScale } from './guidance-scales.ts';

/** How a guided prediction is made, besides its scale. */
type GuidanceForm = Required<Pick<GuidanceOptions, 'compat' | 'rescale'>>;

/** One guidance scale, or one for each condition. */
type Scale = Tensor | Readonly<Record<string, Tensor>>;

/**
 * The compiled functions of a model. They are kept from call to call, and depend on the number of images, not on
 * labels and guidance.
 */
export class GuidedModel {
  static readonly name: string = 'GuidedModel';
  readonly #predict = compile(
    (
      model: DiT,
      x: Tensor,
      t: Tensor,
      y: Conditioning,
      more: Pick<ForwardOptions, 'end' | 'towards'>,
    ) => model.forward(x, t, y, more),
  );
  readonly #predictByConditions = compile(
    (
      model: DiT,
      x: Tensor,
      t: Tensor,
      values: ConditionValues,
      negative: ConditionValues,
      scale: Scale,
    ) => guidedByConditions(model, x, t, values, { scale, negative }),
  );
  readonly #predictGuided = compile(
    (model: DiT, x: Tensor, t: Tensor, y: Tensor, scale: Tensor, form: GuidanceForm) =>
      guidedForward(model, x, t, y, { ...form, scale }),
  );
  readonly #predictGuidedBetween = compile(
    (
      model: DiT,
      x: Tensor,
      t: Tensor,
      values: ConditionValues,
      negative: ConditionValues,
      share: Tensor,
      scale: Tensor,
    ) => guidedByConditions(betweenEnds(model, share), x, t, values, { scale, negative }),
  );

  /** The guided model for the images from `start` on. */
  of(model: DiT, asked: Asked, start: number): SampledModel {
    const {
      labels,
      guidance,
      guidanceInterval,
      conditions = {},
      negative,
      scales,
      towards,
      openLabel = false,
    } = asked;
    const y = conditioningOf(model, labels, conditions, start, openLabel);
    const blend =
      towards === undefined
        ? undefined
        : blendOf(model, { labels, conditions, towards, openLabel }, start);
    const more = blend === undefined ? {} : { towards: blend };
    const alone: SampledModel = (x, t, _time, end) =>
      this.#predict(model, x, t, y, { ...more, ...(end !== undefined && { end }) });
    if (guidance === 1 && scales === undefined && negative === undefined) return alone;
    const guided =
      blend === undefined
        ? this.#guidedBy(model, asked, y)
        : this.#guidedBetween(model, asked, y, blend);
    return within(guidanceInterval, guided, alone);
  }

  #guidedBy(model: DiT, asked: Asked, y: Conditioning): SampledModel {
    const { labels, guidance, negative, scales, guidanceRescale, compat } = asked;
    if (y instanceof Tensor) {
      const all = scalar(labelScale(model.config.numClasses, guidance, scales));
      const form = { rescale: guidanceRescale ?? 0, compat: compat ?? 'fixed' };
      return (x, t) => this.#predictGuided(model, x, t, y, all, form);
    }
    refuseLabelGuidance(asked, 'this model has other conditions');
    const scale =
      scales === undefined
        ? scalar(guidance)
        : Object.fromEntries(Object.entries(scales).map(([name, own]) => [name, scalar(own)]));
    const without = repeatedValues(model, negative ?? {}, labels.length);
    return (x, t) => this.#predictByConditions(model, x, t, y, without, scale);
  }

  #guidedBetween(model: DiT, asked: Asked, y: Conditioning, { y: to, share }: Blend): SampledModel {
    const { labels, guidance, negative = {}, scales } = asked;
    refuseLabelGuidance(asked, 'conditions between two ends are blended');
    if (scales !== undefined) {
      throw new ValueError(
        'generate',
        'scales guide by each condition, but conditions between two ends are blended. Give one guidance.',
      );
    }
    const values = { ...byName(y), ...renamed(byName(to)) };
    const without = repeatedValues(model, negative, labels.length);
    const negatives = { ...without, ...renamed(without) };
    const scale = scalar(guidance);
    return (x, t) => this.#predictGuidedBetween(model, x, t, values, negatives, share, scale);
  }
}

/** A second conditioning of some images, and how far each of them is on the way to it. */
type Blend = NonNullable<ForwardOptions['towards']>;

/** The second end for the images from `start` on. */
function blendOf(
  model: DiT,
  {
    labels,
    conditions,
    towards,
    openLabel,
  }: Required<Pick<Asked, 'labels' | 'conditions' | 'towards' | 'openLabel'>>,
  start: number,
): Blend {
  const stop = start + labels.length;
  const others = towards.labels?.slice(start, stop) ?? labels;
  return {
    y: conditioningOf(model, others, { ...conditions, ...towards.conditions }, start, openLabel),
    share: tensor(Float32Array.from(towards.shares.slice(start, stop))),
  };
}

/** The model inside of the guided timesteps, and the one outside. */
function within(
  interval: Asked['guidanceInterval'],
  guided: SampledModel,
  alone: SampledModel,
): SampledModel {
  return (...at) => (isGuided(at[2], interval) ? guided : alone)(...at);
}

function refuseLabelGuidance({ guidanceRescale = 0, compat }: Asked, why: string): void {
  if (guidanceRescale === 0 && compat !== 'official') return;
  throw new ValueError(
    'generate',
    `guidanceRescale and compat guide by the label alone, but ${why}. Leave them out.`,
  );
}

/** The mark of a value of the second end, in the name of its condition. */
const SECOND = '→';

function byName(y: Conditioning): ConditionValues {
  return y instanceof Tensor ? { [LABEL]: y } : y;
}

function renamed(values: ConditionValues): ConditionValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [SECOND + name, value]));
}

/** A model whose values hold both ends, for guidance: each set of values has the shares of the batch. */
function betweenEnds(model: DiT, share: Tensor): Parameters<typeof guidedByConditions>[0] {
  return {
    nullConditions: (batch) => {
      const nulls = model.nullConditions(batch);
      return { ...nulls, ...renamed(nulls) };
    },
    forward: (x, t, values) => {
      const [first, second]: Record<string, Tensor>[] = [{}, {}];
      for (const [name, value] of Object.entries(values)) {
        if (name.startsWith(SECOND)) second[name.slice(SECOND.length)] = value;
        else first[name] = value;
      }
      const sets = x.shape[0] / share.shape[0];
      const shares = concat(
        Array.from({ length: sets }, () => share),
        0,
      );
      return model.forward(x, t, first, { towards: { y: second, share: shares } });
    },
  };
}
