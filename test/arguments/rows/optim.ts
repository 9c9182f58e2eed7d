import * as optim from '@tessera/autograd/optim';
import { ones, scalar, tensor } from '@tessera/tensor';
import { methodsOf, rowsOf, type Row } from '../misuse.ts';

const params = [ones([2])];
const grads = [tensor([0.5, -1])];
const step = scalar(3, 'int32');

/** A row for every public function of the entry, and for the methods of each optimizer. */
export const optimRows: readonly Row[] = [
  ...rowsOf(optim, {
    adam: [{ betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 }],
    adamw: [{ betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01 }],
    clipByGlobalNorm: [grads, 1],
    clipByValue: [grads, 1],
    constantSchedule: [0.1],
    cosineSchedule: [{ peak: 0.1, floor: 0, warmupSteps: 2, totalSteps: 10 }],
    emaDecay: [step, 0.99],
    emaUpdate: [params, grads, 0.9],
    exponentialSchedule: [{ start: 0.1, decay: 0.9 }],
    globalNorm: [grads],
    linearSchedule: [{ start: 0.1, end: 0, totalSteps: 10 }],
    lion: [{ betas: [0.9, 0.99], weightDecay: 0 }],
    oneCycleSchedule: [
      { peak: 0.1, totalSteps: 20, riseShare: 0.3, startDivisor: 25, endDivisor: 1e4 },
    ],
    muon: [{ momentum: 0.9, nesterov: true, iterations: 5, weightDecay: 0 }],
    orthogonalize: [ones([2, 3]), 5],
    rmsprop: [{ momentum: 0.9 }],
    sgd: [{ momentum: 0.9 }],
    stepSchedule: [{ start: 0.1, factor: 0.5, drops: [2, 4] }],
    trapezoidSchedule: [{ peak: 0.1, floor: 0, warmupSteps: 2, decaySteps: 3, totalSteps: 10 }],
  }),
  ...(
    [
      optim.adamw(),
      optim.sgd({ momentum: 0.9 }),
      optim.rmsprop(),
      optim.lion(),
      optim.muon(),
    ] as const
  ).flatMap((optimizer, i) =>
    methodsOf(['adamw', 'sgd', 'rmsprop', 'lion', 'muon'][i], optimizer, {
      init: [params],
      update: [grads, optimizer.init(params), params, { learningRate: 0.1 }],
    }),
  ),
];
