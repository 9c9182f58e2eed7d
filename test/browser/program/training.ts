/**
 * What a user of `@tessera/tensor` and `@tessera/autograd` would write, with every result as plain
 * numbers: it runs in Node, in a page and in a worker, and has to give the same everywhere.
 */
import {
  compile,
  conv2d,
  decodeSafetensors,
  einsum,
  encodeSafetensors,
  key,
  normal,
  softmax,
  split,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { grad, valueAndGrad } from '@tessera/autograd';
import { Linear, loadTensors, Module, namedTensors } from '@tessera/autograd/nn';
import { adamw, type AdamState } from '@tessera/autograd/optim';

const STEPS = 20;

/** Results of {@link train}, ready for JSON. */
export interface TrainingResult {
  /** The loss of every step, run by `compile`. */
  readonly losses: readonly number[];
  /** The same without `compile`. */
  readonly eagerLosses: readonly number[];
  /** What the trained network says, `[4]`. */
  readonly predictions: readonly number[];
  /** What it says after its weights went through a safetensors file. */
  readonly reloaded: readonly number[];
  /** Length of that file in bytes. */
  readonly fileSize: number;
  /** f'' of sin at 1, the row sums of a softmax, a traced product, a convolution. */
  readonly values: readonly (readonly number[])[];
}

class Network extends Module {
  readonly hidden: Linear;
  readonly out: Linear;

  constructor(random: Tensor) {
    super();
    const [forHidden, forOut] = split(random);
    this.hidden = new Linear(2, 8, { key: forHidden });
    this.out = new Linear(8, 1, { key: forOut });
  }

  /** `[B, 2] → [B]` */
  forward(x: Tensor): Tensor {
    return this.out.forward(this.hidden.forward(x).tanh()).squeeze(1);
  }
}

interface State {
  readonly network: Network;
  readonly optimizer: AdamState;
}

const optimizer = adamw({ weightDecay: 0 });

function loss(network: Network, x: Tensor, y: Tensor): Tensor {
  return network.forward(x).sub(y).square().mean();
}

function step({ network, optimizer: state }: State, x: Tensor, y: Tensor): [State, Tensor] {
  const { value, grads } = valueAndGrad(loss)(network, x, y);
  const updated = optimizer.update(grads, state, network, { learningRate: 0.05 });
  return [{ network: updated.params, optimizer: updated.state }, value];
}

function startingState(): State {
  const network = new Network(key(7));
  return { network, optimizer: optimizer.init(network) };
}

async function run(
  advance: typeof step,
  x: Tensor,
  y: Tensor,
): Promise<{ network: Network; losses: number[] }> {
  let state = startingState();
  const losses: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    let value: Tensor;
    [state, value] = advance(state, x, y);
    losses.push(await value.item());
  }
  return { network: state.network, losses };
}

/** Writes the weights of a network as a file, and reads them into another network. */
async function throughFile(network: Network): Promise<{ copy: Network; size: number }> {
  const entries = await Promise.all(
    namedTensors(network).map(async ([name, weight]) => {
      const { dtype, shape } = weight;
      return [name, { dtype, shape, data: await weight.data() }] as const;
    }),
  );
  const bytes = encodeSafetensors(new Map(entries));
  const { tensors } = decodeSafetensors(bytes);
  const loaded = [...tensors].map(([name, { data, shape }]) => {
    return [name, tensor(Float32Array.from(data), { shape })] as const;
  });
  return { copy: loadTensors(new Network(key(8)), new Map(loaded)), size: bytes.length };
}

/** Learns exclusive or, and does a little of everything else. */
export async function train(): Promise<TrainingResult> {
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = tensor([0, 1, 1, 0]);
  const compiled = await run(compile(step, { donate: [0] }), x, y);
  const eager = await run(step, x, y);
  const { copy, size } = await throughFile(compiled.network);
  const secondDerivative = grad(grad((a: Tensor) => a.sin()))(tensor(1));
  const image = normal(key(1), [1, 2, 5, 5]);
  const filters = normal(key(2), [3, 2, 3, 3]);
  const values = [
    secondDerivative,
    softmax(normal(key(3), [3, 4])).sum(1),
    einsum('ij,ji->', normal(key(4), [3, 4]), normal(key(5), [4, 3])),
    conv2d(image, filters, { padding: 1, stride: 2 }).sum([0, 2, 3]),
  ];
  return {
    losses: compiled.losses,
    eagerLosses: eager.losses,
    predictions: await numbersOf(compiled.network.forward(x)),
    reloaded: await numbersOf(copy.forward(x)),
    fileSize: size,
    values: await Promise.all(values.map(numbersOf)),
  };
}

async function numbersOf(x: Tensor): Promise<number[]> {
  return Array.from(await x.data());
}
