import {
  adam,
  adamw,
  sgd,
  type AdamOptions,
  type Optimizer,
  type PerParameter,
} from '@tessera/autograd/optim';
import { Attributes } from './attributes.ts';

/** What the optimizers here have in common: their states differ, and none is looked into. */
type AnyOptimizer = Optimizer<unknown>;

interface Family {
  /** The settings that it knows. */
  readonly settings: readonly string[];
  readonly make: (settings: Attributes, perParameter: PerParameter) => AnyOptimizer;
}

/** Settings of single parameters: lists with one number for each, in order. */
const PER_PARAMETER = ['per_param_lr_mult', 'per_param_weight_decay'];

const FAMILIES: Readonly<Record<string, Family>> = {
  sgd: {
    settings: ['momentum', 'dampening', 'nesterov', 'weight_decay'],
    make: (settings, perParameter) =>
      sgd({
        momentum: settings.optionalNumber('momentum') ?? 0,
        dampening: settings.optionalNumber('dampening') ?? 0,
        nesterov: settings.optionalBoolean('nesterov'),
        weightDecay: settings.optionalNumber('weight_decay') ?? 0,
        perParameter,
      }),
  },
  adam: {
    settings: ['betas', 'eps', 'weight_decay', 'amsgrad'],
    make: (settings, perParameter) => adam({ ...adamOptions(settings), perParameter }),
  },
  adamw: {
    settings: ['betas', 'eps', 'weight_decay', 'amsgrad'],
    make: (settings, perParameter) => adamw({ ...adamOptions(settings), perParameter }),
  },
};

/** The optimizer that a manifest names. Throws if there is none, or if it does not know a setting. */
export function makeOptimizer(
  name: string,
  hyper: Readonly<Record<string, unknown>>,
): AnyOptimizer {
  if (!Object.hasOwn(FAMILIES, name)) throw new Error(`optimizer "${name}" is not there yet`);
  const family = FAMILIES[name];
  const settings = new Attributes(hyper);
  const known = new Set([...family.settings, ...PER_PARAMETER]);
  const strange = Object.keys(hyper).filter((key) => settings.has(key) && !known.has(key));
  if (strange.length > 0) throw new Error(`${name} with ${strange.join(', ')} is not there yet`);
  const [scales, decays] = PER_PARAMETER.map((list) =>
    settings.has(list) ? settings.numbers(list) : null,
  );
  return family.make(settings, (path) => ({
    ...(scales === null ? {} : { learningRateScale: scales[Number(path)] }),
    ...(decays === null ? {} : { weightDecay: decays[Number(path)] }),
  }));
}

/** What the manifest leaves out is as in PyTorch, whose defaults are ours. */
function adamOptions(settings: Attributes): Omit<AdamOptions, 'perParameter'> {
  const [eps, weightDecay] = ['eps', 'weight_decay'].map((name) => settings.optionalNumber(name));
  return {
    amsgrad: settings.optionalBoolean('amsgrad'),
    ...(settings.has('betas') ? { betas: settings.pair('betas') } : {}),
    ...(eps === null ? {} : { eps }),
    ...(weightDecay === null ? {} : { weightDecay }),
  };
}
