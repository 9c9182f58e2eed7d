// What the cost model says of the paper's models on 8 to 256 GPUs, from published figures of the hardware.

import { bucketsOf, stepCost, type Compute, type Link, type StepCost } from './cost-model.ts';
import type { ModelSize } from './models.ts';

/**
 * Multiply-adds of forward and backward passes a second on an A100: fast-DiT trains DiT-XL/2 on one with 0.84 steps a
 * second of 128 samples (mixed precision, gradient checkpoints), 118.6e9 multiply-adds each, thrice.
 */
const A100_MACS = 0.84 * 128 * 118_621_421_568 * 3;

/** Shares of a step in its parts. The backward pass has twice the multiply-adds of the forward pass. */
const [FORWARD, BACKWARD] = [1 / 3, 2 / 3];

/** GPUs of a node. */
const NODE = 8;

/** Nodes of eight A100, and what joins them. */
export interface Cluster {
  readonly name: string;
  /** Bytes a second of a ring across nodes, as all_reduce_perf calls bus bandwidth. */
  readonly acrossNodes: number;
}

/** Bus bandwidth inside a node: 8 A100 on NVLink and NVSwitch. */
const INSIDE_NODE = 232e9;

/** Latencies of a message in a ring, in seconds, that NCCL reckons with: on NVLink, and on a network. */
const [NVLINK_LATENCY, NETWORK_LATENCY] = [3.4e-6, 14e-6];

/** The networks of the predictions. */
export const CLUSTERS: readonly Cluster[] = [
  { name: 'four cards of 200 Gbit/s a node', acrossNodes: 86e9 },
  { name: 'one card of 200 Gbit/s a node', acrossNodes: 24e9 },
  { name: 'one card of 25 Gbit/s a node', acrossNodes: 3e9 },
];

/** The numbers of GPUs of the predictions. */
export const GPUS: readonly number[] = [8, 16, 32, 64, 128, 256];

/** The slowest link of a ring through so many GPUs; its latency is the mean of all links. */
function linkOf(gpus: number, { acrossNodes }: Cluster): Link {
  if (gpus <= NODE) return { bytesPerSecond: INSIDE_NODE, latency: NVLINK_LATENCY };
  const latency = (NETWORK_LATENCY + (NODE - 1) * NVLINK_LATENCY) / NODE;
  return { bytesPerSecond: Math.min(INSIDE_NODE, acrossNodes), latency };
}

/** A step of a model with some samples on each GPU. */
export function predict(
  { macs, parameters }: ModelSize,
  gpus: number,
  local: number,
  cluster: Cluster,
): StepCost {
  const seconds = (3 * macs * local) / A100_MACS;
  const compute: Compute = { forward: FORWARD * seconds, backward: BACKWARD * seconds, rest: 0 };
  return stepCost(compute, bucketsOf(parameters), gpus, linkOf(gpus, cluster));
}
