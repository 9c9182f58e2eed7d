// Muon: momentum whose matrices are made orthogonal, with AdamW for everything else.

import {
  checkFunction,
  checkOptions,
  checkTensors,
  concat,
  ValueError,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';
import { adamw, type AdamOptions, type AdamState } from './adamw.ts';
import { globalNorm } from './clip.ts';
import {
  checkStep,
  stateOf,
  updateParameters,
  zerosByPath,
  type Optimizer,
  type PerParameter,
  type TensorsByPath,
} from './optimizer.ts';

/** Options of {@link muon}. */
export interface MuonOptions {
  /** μ, the share of the momentum that stays after a step. Default 0.95. */
  readonly momentum?: number;
  /** Whether a step looks ahead along its momentum. Default true. */
  readonly nesterov?: boolean;
  /** Iterations of {@link orthogonalize}. Default 5. */
  readonly iterations?: number;
  /** λ, decoupled weight decay of the matrices. Default 0. */
  readonly weightDecay?: number;
  /**
   * How many matrices are stacked in a parameter, one below the other: 1 for a matrix, 3 for queries, keys and
   * values in one. 0 leaves the parameter to AdamW. Default: 1 for every parameter of two axes.
   */
  readonly matrices?: (path: string, parameter: Tensor) => number;
  /** Options of AdamW, which updates all other parameters. */
  readonly adamw?: AdamOptions;
  /** Settings of single matrices. */
  readonly perParameter?: PerParameter;
}

/** State of {@link muon}. */
export interface MuonState {
  /** int32 scalar: steps taken. */
  readonly step: Tensor;
  /** Decayed sum of the gradients of each matrix. */
  readonly momentum: TensorsByPath;
  /** The state of AdamW, for all other parameters. */
  readonly rest: AdamState;
}

/** a, b and c of `a·X + b·(X Xᵀ) X + c·(X Xᵀ)² X`: the slope a at 0 is as steep as it can be. */
const [A, B, C] = [3.4445, -4.775, 2.0315];

/** The root mean square of an update of AdamW, which the update of a matrix gets too. */
const UPDATE_SIZE = 0.2;

/**
 * The nearest matrix with orthogonal rows or columns, roughly: singular values between about 0.7 and 1.2 in place of
 * all that are not tiny. Five Newton–Schulz iterations of degree 5 take only products of matrices.
 *
 *     X ← M / ‖M‖,  then X ← a·X + b·(X Xᵀ) X + c·(X Xᵀ)² X
 *
 * Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"
 * (kellerjordan.github.io/posts/muon), with its coefficients (3.4445, −4.7750, 2.0315).
 *
 * @param matrix `[R, C]`; zeros stay zeros
 * @throws ValueError unless `iterations` is a whole number of at least 1, and the tensor has two axes
 * @example
 * const o = orthogonalize(tensor([[3, 0], [0, 0.5]]));
 * o.select(0, 0).select(0, 1); // 0
 */
export function orthogonalize(matrix: Tensor, iterations = 5): Tensor {
  checkTensors('orthogonalize', { matrix });
  if (matrix.rank !== 2) {
    throw new ValueError('orthogonalize', `expected a matrix, got ${matrix.rank} axes.`);
  }
  if (!(Number.isSafeInteger(iterations) && iterations >= 1)) {
    throw new ValueError(
      'orthogonalize',
      `iterations must be a whole number of at least 1, but is ${iterations}.`,
    );
  }
  const norm = globalNorm([matrix]);
  const start = matrix.div(norm.equal(0).where(1, norm));
  const [rows, columns] = matrix.shape;
  // X Xᵀ is as small as it can be if X lies flat.
  let x = rows > columns ? start.transpose() : start;
  for (let i = 0; i < iterations; i++) {
    const gram = x.matmul(x.transpose());
    const polynomial = gram.mul(B).add(gram.matmul(gram).mul(C));
    x = x.mul(A).add(polynomial.matmul(x));
  }
  return rows > columns ? x.transpose() : x;
}

/**
 * Muon for matrices, AdamW for everything else. With gradient g, momentum m and `O` = {@link orthogonalize}, a
 * matrix of R rows and C columns gets
 *
 *     m ← μ·m + g,  u = O(g + μ·m)   (u = O(m) without nesterov)
 *     p ← p − lr · (0.2 · √max(R, C) · u + λ·p)
 *
 * The factor gives an update the size of AdamW's, so both take one learning rate and one weight decay.
 *
 * Sources: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the factor: Liu et al.
 * 2025, "Muon is scalable for LLM training", equation 4.
 *
 * @throws ValueError unless the momentum lies in [0, 1) and the weight decay is at least 0.
 * @example
 * const optimizer = muon({ weightDecay: 0.01, adamw: { weightDecay: 0.01 } });
 * const layer = new Linear(4, 2, { key: key(0) });
 * const grads = { weight: ones([2, 4]), bias: ones([2]) };
 * const { params } = optimizer.update(grads, optimizer.init(layer), layer, { learningRate: 0.01 });
 * params.weight; // float32[2, 4]
 */
export function muon(options: MuonOptions = {}): Optimizer<MuonState> {
  checkOptions('muon', options, [
    'momentum',
    'nesterov',
    'iterations',
    'weightDecay',
    'matrices',
    'adamw',
    'perParameter',
  ]);
  const { momentum = 0.95, nesterov = true, iterations = 5, weightDecay = 0 } = options;
  const { matrices = matrixOrNot, perParameter } = options;
  checkFunction('muon', matrices);
  if (!(momentum >= 0 && momentum < 1) || !(weightDecay >= 0)) {
    throw new ValueError(
      'muon',
      `momentum must lie in [0, 1) and weightDecay be at least 0, but got momentum ${momentum}, weightDecay ${weightDecay}.`,
    );
  }
  const rest = adamw(options.adamw);
  return {
    init: (params) => {
      const [own, others] = divided(params, matrices);
      return { step: zeros([], 'int32'), momentum: zerosByPath(own), rest: rest.init(others) };
    },
    update: (grads, state, params, stepOptions) => {
      checkStep('muon', state, ['step', 'momentum', 'rest'], stepOptions);
      const { learningRate } = stepOptions;
      const [own, others] = divided(params, matrices);
      const gradients = namedLeaves(grads).filter(({ path }) => Object.hasOwn(others, path));
      const restGrads = Object.fromEntries(gradients.map(({ path, tensor }) => [path, tensor]));
      const updatedRest = rest.update(restGrads, state.rest, others, stepOptions);
      const kept: Record<string, Tensor> = { ...state.momentum };
      const updated = updateParameters('muon', grads, params, ({ path, gradient, parameter }) => {
        if (!Object.hasOwn(own, path)) return updatedRest.params[path];
        const settings = perParameter?.(path, parameter) ?? {};
        const decay = settings.weightDecay ?? weightDecay;
        const m = stateOf('muon', state.momentum, path).mul(momentum).add(gradient);
        kept[path] = m;
        const direction = nesterov ? m.mul(momentum).add(gradient) : m;
        const count = matrices(path, parameter);
        const size = UPDATE_SIZE * Math.sqrt(longestSide(parameter, count));
        const change = stacked(direction, count, iterations).mul(size);
        const whole = decay === 0 ? change : change.add(parameter.mul(decay));
        return parameter.sub(whole.mul(learningRate).mul(settings.learningRateScale ?? 1));
      });
      const next = { step: state.step.add(1), momentum: kept, rest: updatedRest.state };
      return { params: updated, state: next };
    },
  };
}

function matrixOrNot(_path: string, parameter: Tensor): number {
  return parameter.rank === 2 ? 1 : 0;
}

/** The trainable tensors of a tree by path: those of Muon, and all others. */
function divided(
  params: unknown,
  matrices: NonNullable<MuonOptions['matrices']>,
): [own: TensorsByPath, others: TensorsByPath] {
  const [own, others]: [Record<string, Tensor>, Record<string, Tensor>] = [{}, {}];
  for (const { path, tensor, trainable } of namedLeaves(params)) {
    if (!trainable) continue;
    const count = matrices(path, tensor);
    if (count !== 0) checkCount(path, tensor, count);
    (count === 0 ? others : own)[path] = tensor;
  }
  return [own, others];
}

function checkCount(path: string, { rank, shape }: Tensor, count: number): void {
  if (rank === 2 && Number.isSafeInteger(count) && count > 0 && shape[0] % count === 0) return;
  throw new ValueError(
    'muon',
    `'${path}' is [${shape.join(', ')}], which is no stack of ${count} matrices. Leave it to AdamW by 0, or name a divisor of its rows.`,
  );
}

function longestSide({ shape: [rows, columns] }: Tensor, count: number): number {
  return Math.max(rows / count, columns);
}

/** Makes each of the matrices of a stack orthogonal by itself. */
function stacked(stack: Tensor, count: number, iterations: number): Tensor {
  if (count === 1) return orthogonalize(stack, iterations);
  const rows = stack.shape[0] / count;
  return concat(
    Array.from({ length: count }, (_, i) =>
      orthogonalize(stack.slice([[i * rows, (i + 1) * rows]]), iterations),
    ),
    0,
  );
}
