import { adam, adamw, sgd, type Optimizer, type PerParameter } from '@tessera/autograd/optim';
import { Attributes } from './attributes.ts';

/** How a manifest describes an optimizer. */
export interface OptimizerSettings {
  readonly hyper: Readonly<Record<string, unknown>>;
  /** A factor of the learning rate for each parameter, in order. */
  readonly rateScales?: readonly number[] | undefined;
  /** A weight decay for each parameter, in order. */
  readonly weightDecays?: readonly number[] | undefined;
}

/** What the optimizers here have in common: their states differ, and none is looked into. */
type AnyOptimizer = Optimizer<unknown>;

type Maker = (hyper: Attributes, perParameter: PerParameter) => AnyOptimizer;

const MAKERS: Readonly<
  Record<string, { readonly hyper: readonly string[]; readonly make: Maker }>
> = {
  sgd: {
    hyper: ['momentum', 'dampening', 'nesterov', 'weight_decay'],
    make: (hyper, perParameter) =>
      sgd({
        momentum: hyper.optionalNumber('momentum') ?? 0,
        dampening: hyper.optionalNumber('dampening') ?? 0,
        nesterov: hyper.optionalBoolean('nesterov'),
        weightDecay: hyper.optionalNumber('weight_decay') ?? 0,
        perParameter,
      }),
  },
  adam: {
    hyper: ['betas', 'eps', 'weight_decay'],
    make: (hyper, perParameter) => adam({ ...adamOptions(hyper), perParameter }),
  },
  adamw: {
    hyper: ['betas', 'eps', 'weight_decay'],
    make: (hyper, perParameter) => adamw({ ...adamOptions(hyper), perParameter }),
  },
};

/** The optimizer that a manifest names. Throws if there is none, or if it does not know a setting. */
export function makeOptimizer(name: string, settings: OptimizerSettings): AnyOptimizer {
  if (!Object.hasOwn(MAKERS, name)) throw new Error(`optimizer "${name}" is not there yet`);
  const { hyper, make } = MAKERS[name];
  const strange = Object.keys(settings.hyper).filter((key) => !hyper.includes(key));
  if (strange.length > 0) throw new Error(`${name}: ${strange.join(', ')} is not there yet`);
  return make(new Attributes(settings.hyper), (path) => {
    const index = Number(path);
    const learningRateScale = settings.rateScales?.[index];
    const weightDecay = settings.weightDecays?.[index];
    return {
      ...(learningRateScale === undefined ? {} : { learningRateScale }),
      ...(weightDecay === undefined ? {} : { weightDecay }),
    };
  });
}

function adamOptions(hyper: Attributes): {
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
} {
  return {
    betas: hyper.pair('betas'),
    eps: hyper.number('eps'),
    weightDecay: hyper.number('weight_decay'),
  };
}
