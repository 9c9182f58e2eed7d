// Sequential, layers in a row, and Apply, a function as a layer.

import { checkFunction, kindOf, foldIn, ValueError, type Tensor } from '@tessera/tensor';
import { Module, withFields, type Layer, type Trained } from '../module.ts';

/**
 * A function as a layer, for steps without parameters: activations, pooling, reshaping.
 *
 * @example
 * new Apply((x) => maxPool2d(x, 2), 'pool').forward(ones([1, 3, 4, 4])).shape; // [1, 3, 2, 2]
 */
export class Apply extends Module {
  static override readonly name: string = 'Apply';
  readonly f: (x: Tensor) => Tensor;
  /** The name in a {@link summary}. Default: the function's name, which a minifier may change. */
  readonly name: string;

  constructor(f: (x: Tensor) => Tensor, name: string = f?.name ?? '') {
    super();
    checkFunction('Apply', f);
    this.f = f;
    this.name = name === '' ? 'Apply' : name;
  }

  /** `f(x)` */
  forward(x: Tensor): Tensor {
    return this.f(x);
  }
}

/**
 * Layers in a row. Each layer gets the output of the one before it. As in PyTorch, the name of a tensor
 * begins with the place of its layer: `0.weight`, `0.bias`, `2.weight`. Places count from 0, and a function
 * takes a place too.
 *
 * {@link Sequential.forward} evaluates. {@link Sequential.train} is for a training step, in which some layers
 * ({@link Dropout}, {@link BatchNorm2d}) compute something else than in evaluation.
 *
 * @example
 * const [first, second] = split(key(0));
 * const model = new Sequential(
 *   new Linear(4, 8, { key: first }),
 *   silu,
 *   new Linear(8, 2, { key: second }),
 * );
 * model.forward(ones([3, 4])).shape; // [3, 2]
 * namedParameters(model).map(([name]) => name); // ['0.weight', '0.bias', '2.weight', '2.bias']
 */
export class Sequential extends Module implements ArrayLike<Layer> {
  static override readonly name: string = 'Sequential';
  readonly [index: number]: Layer;
  readonly length: number;

  constructor(...layers: (Layer | ((x: Tensor) => Tensor))[]) {
    super();
    layers.forEach((layer, i) => {
      if (typeof layer !== 'function') checkLayer(i, layer);
    });
    this.length = layers.length;
    const modules = layers.map((layer) => (typeof layer === 'function' ? new Apply(layer) : layer));
    Object.assign(this, modules);
  }

  /** Applies the layers in order. */
  forward(x: Tensor): Tensor {
    return Array.from(this).reduce((y, layer) => layer.forward(y), x);
  }

  /**
   * Applies the layers in order for a training step.
   *
   * @param key The source of random numbers; layer i draws from `foldIn(key, i)`.
   * @returns The output, and the module with its layers after the step.
   */
  train(x: Tensor, key?: Tensor): Trained<Sequential> {
    let output = x;
    const layers = Array.from(this, (layer, i) => {
      if (layer.train === undefined) {
        output = layer.forward(output);
        return layer;
      }
      const trained = layer.train(output, key && foldIn(key, i));
      output = trained.output;
      return trained.module;
    });
    return { output, module: withFields<Sequential>(this, layers) };
  }
}

/** Throws a ValueError unless `layer` can be applied. */
function checkLayer(position: number, layer: Layer): void {
  if (typeof (layer as Layer | null | undefined)?.forward === 'function') return;
  throw new ValueError(
    'Sequential',
    `layer ${position} must be a module with a forward method, or a function, but is ${kindOf(layer)}.`,
  );
}
