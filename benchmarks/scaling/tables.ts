// The tables of docs/scaling.md, from the results.

import { shown } from '../compare/table.ts';
import { summarize } from '../compare/statistics.ts';
import {
  glooSeconds,
  ringBytes,
  ringSeconds,
  stepCost,
  type Compute,
  type Link,
  type StepCost,
} from './cost-model.ts';
import { CLUSTERS, GPUS, predict, type Cluster } from './predictions.ts';
import type { LimitedSteps } from './ranks.ts';
import type { Measured, Results } from './results.ts';

/** Bytes in a jumbo frame that are headers of Ethernet, IP and TCP. */
const [FRAME, HEADERS] = [9014, 66];

/** Samples a step over all GPUs in the paper. */
const PAPER_BATCH = 256;

/** Samples on each GPU where the batch grows with them. */
const LOCAL_BATCH = 32;

/** All tables by name. */
export function tables(results: Results): Readonly<Record<string, string>> {
  const { models } = results;
  return {
    parts: partsTable(results),
    bridge: measuredTable(results, 'bridge'),
    relay: measuredTable(results, 'relay'),
    sizes: markdown(
      ['model', 'multiply-adds', 'gradients, MB', 'one GPU, samples/s'],
      models.map((model) => {
        const { compute } = predict(model, 1, LOCAL_BATCH, CLUSTERS[0]);
        const megabytes = bytesOf(model.parameters) / 1e6;
        return [
          model.name,
          `${(model.macs / 1e9).toFixed(2)}e9`,
          megabytes.toFixed(0),
          (LOCAL_BATCH / compute).toFixed(0),
        ];
      }),
    ),
    'fixed batch': efficiencyTable(results, (gpus) => PAPER_BATCH / gpus),
    'growing batch': efficiencyTable(results, () => LOCAL_BATCH),
  };
}

function bytesOf(parts: readonly number[]): number {
  return parts.reduce((sum, bytes) => sum + bytes, 0);
}

/** The parts of a step in one rank. */
function partsTable({ phases, local }: Results): string {
  const { forward, backward, rest, buckets } = phases;
  const seconds = [forward, backward, rest].map((each) => (1000 * each).toFixed(0));
  const sizes = buckets.map((bytes) => (bytes / 1e6).toFixed(1)).join(', ');
  return markdown(
    ['samples a rank', 'forward, ms', 'backward, ms', 'rest, ms', 'gradients, MB', 'buckets, MB'],
    [[`${local}`, ...seconds, (bytesOf(buckets) / 1e6).toFixed(1), sizes]],
  );
}

/** Steps over one kind of network beside the model. The first limit of a run is what its others are compared with. */
function measuredTable(results: Results, kind: Measured['network']): string {
  const { buckets } = results.phases;
  const rows = results.runs
    .filter(({ network }) => network === kind)
    .flatMap(({ ranks, limits }) => {
      const compute = computeOf(results, ranks);
      const sent = (ringBytes(bytesOf(buckets), ranks) / 1e6).toFixed(1);
      const [base] = limits;
      const costOf = (limit: LimitedSteps, allReduce: typeof ringSeconds): StepCost =>
        stepCost(compute, buckets, ranks, linkOf(limit.bitsPerSecond, limit.delayMs), allReduce);
      return limits.map((limit) => {
        const { median, min, max } = summarize(limit.seconds);
        const [ring, gloo] = [ringSeconds, glooSeconds].map((allReduce) => {
          const [cost, free] = [costOf(limit, allReduce), costOf(base, allReduce)];
          return {
            exposed: cost.exposed - free.exposed,
            communication: cost.communication - free.communication,
          };
        });
        const added = [
          median - summarize(base.seconds).median,
          ring.exposed,
          gloo.exposed,
          ring.communication,
        ].map((seconds) => (limit === base ? '–' : seconds.toFixed(2)));
        const rate = limit.bitsPerSecond === null ? 'none' : `${limit.bitsPerSecond / 1e6} Mbit/s`;
        const step = `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
        return [`${ranks}`, rate, `${limit.delayMs}`, sent, step, ...added];
      });
    });
  return markdown(
    [
      'ranks',
      'limit',
      'one way, ms',
      'sent a rank, MB',
      'step, s',
      'added: measured, s',
      'ring, s',
      'ring of gloo, s',
      'ring without overlap, s',
    ],
    rows,
  );
}

/** What ranks that share the cores compute in a step without limits, in the proportions of one rank. */
function computeOf({ phases, runs }: Results, ranks: number): Compute {
  const run = runs.find((each) => each.ranks === ranks && each.network === 'bridge');
  if (run === undefined) throw new Error(`no run of ${ranks} ranks without limits`);
  const { forward, backward, rest } = phases;
  const times = summarize(run.limits[0].seconds).median / (forward + backward + rest);
  return { forward: times * forward, backward: times * backward, rest: times * rest };
}

/** The link of a limit: what frames leave for the gradients, and the delay. */
function linkOf(bitsPerSecond: number | null, delayMs: number): Link {
  const bytesPerSecond = ((bitsPerSecond ?? Infinity) / 8) * (1 - HEADERS / FRAME);
  return { bytesPerSecond, latency: delayMs / 1000 };
}

/** Predicted shares of computing in a step, for each model, cluster and number of GPUs. */
function efficiencyTable({ models }: Results, localOf: (gpus: number) => number): string {
  const rows = CLUSTERS.flatMap((cluster: Cluster) =>
    models.map((model) => [
      cluster.name,
      model.name,
      ...GPUS.map((gpus) => {
        const local = localOf(gpus);
        const { compute, step } = predict(model, gpus, local, cluster);
        return `${((100 * compute) / step).toFixed(0)} % (${shown(1000 * step)} ms)`;
      }),
    ]),
  );
  return markdown(['between nodes', 'model', ...GPUS.map((gpus) => `${gpus} GPUs`)], rows);
}

/** A table of Markdown, its columns as wide as their widest cell. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, 3, ...rows.map((row) => row[i].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
