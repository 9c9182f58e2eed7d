// `npm run bench -- profile`: where the time of a work goes, kernel by kernel.

import { availableParallelism } from 'node:os';
import Table from 'cli-table3';
import { defaultBackend, type Backend, type Storage } from '@tessera/tensor';
import type { Kernel, Plan } from '@tessera/tensor/extend';
import { InvalidArgumentError } from 'commander';
import { shown } from './compare/table.ts';
import { openTessera } from './contenders/tessera.ts';
import { makeArrays } from './works/arrays.ts';
import { selectWorks, type Work } from './works/works.ts';

/** What is profiled, and how. */
export interface ProfileOptions {
  readonly threads?: number;
  /** Runs that are timed, after two that are not. */
  readonly runs: number;
  /** Kernels that are listed one by one. */
  readonly top: number;
}

/** All runs of equal kernels. */
export interface KernelTime {
  /** The operation, or `map`, or `reduce`. */
  readonly kind: string;
  /** Kind and shapes. */
  readonly name: string;
  runs: number;
  ms: number;
  /** Multiplications and additions of matrix products; 0 for all else. */
  flops: number;
}

/** Kernels by their names. */
export type Profile = Map<string, KernelTime>;

/**
 * Makes a backend run the kernels of its plans one by one, each as a plan of its own on the same memory,
 * and time them. Results stay the same; kernels no longer overlap, and each pays for its start: some
 * hundredths of a millisecond with several threads.
 */
export function profileKernels(backend: Backend): Profile {
  const profile: Profile = new Map();
  const { prepare } = backend;
  Object.assign(backend, {
    prepare: (plan: Plan, constants: readonly Storage[]) => {
      const parts = plan.kernels.map((kernel) => ({
        kernel,
        executable: prepare({ ...plan, kernels: [kernel] }, constants),
      }));
      return {
        run: (inputs: readonly Storage[], outputs: readonly Storage[]) => {
          for (const { kernel, executable } of parts) {
            const start = performance.now();
            executable.run(inputs, outputs);
            add(profile, kernel, performance.now() - start);
          }
        },
      };
    },
  });
  return profile;
}

function add(profile: Profile, kernel: Kernel, ms: number): void {
  const kind = kernel.kind === 'call' ? kernel.operation.name : kernel.kind;
  const name = `${kind} ${shapesOf(kernel)}`;
  const time = profile.get(name) ?? { kind, name, runs: 0, ms: 0, flops: 0 };
  time.runs++;
  time.ms += ms;
  time.flops += flopsOf(kernel);
  profile.set(name, time);
}

/** The shapes that tell how much a kernel has to do. */
function shapesOf(kernel: Kernel): string {
  const shape = (sizes: readonly number[]): string => `[${sizes.join(', ')}]`;
  if (kernel.kind === 'map') return `${shape(kernel.shape)}, reads ${kernel.inputs.length}`;
  if (kernel.kind === 'reduce') return `${shape(kernel.shape)} over ${kernel.axes.join(', ')}`;
  const own = kernel.inputs.slice(0, kernel.epilogue?.operands);
  const operands = own.map(({ view }) => shape(view.shape)).join(' · ');
  return kernel.epilogue === undefined ? operands : `${operands}, epilogue`;
}

function flopsOf(kernel: Kernel): number {
  if (kernel.kind !== 'call' || kernel.operation.name !== 'matmul') return 0;
  const [{ view: left }, { view: right }] = kernel.inputs;
  const rows = left.shape.reduce((product, size) => product * size, 1);
  return 2 * rows * right.shape[right.shape.length - 1];
}

/** Parses the name of a work. */
export function parseWork(name: string): Work {
  const { works } = selectWorks([name]);
  if (works.length === 1 && works[0].kind !== 'peak') return works[0];
  throw new InvalidArgumentError('It is no name of a work, such as step-tiny, step-s or gelu.');
}

/** Profiles a work and prints its kernels by kind, and those that take most. */
export async function profileWork(
  work: Work,
  { runs, top, threads }: ProfileOptions,
): Promise<void> {
  const count = threads ?? availableParallelism();
  const tessera = await openTessera({ threads: count, backend: 'wasm' });
  const kernels = profileKernels(defaultBackend());
  const { run } = await tessera.prepare(work, makeArrays(work));
  for (let warmUp = 0; warmUp < 2; warmUp++) await run();
  kernels.clear();
  const start = performance.now();
  for (let i = 0; i < runs; i++) await run();
  const ms = (performance.now() - start) / runs;
  const by = count === 1 ? '1 thread' : `${count} threads`;
  console.log(`${work.name} by ${by}, kernel by kernel: ${ms.toFixed(1)} ms a run`);
  console.log(listed(sumByKind(kernels.values()), runs, Infinity));
  console.log(listed([...kernels.values()], runs, top));
}

/** The kernels of a kind as one. */
export function sumByKind(kernels: Iterable<KernelTime>): KernelTime[] {
  const sums = new Map<string, KernelTime>();
  for (const { kind, runs, ms, flops } of kernels) {
    const sum = sums.get(kind) ?? { kind, name: kind, runs: 0, ms: 0, flops: 0 };
    sum.runs += runs;
    sum.ms += ms;
    sum.flops += flops;
    sums.set(kind, sum);
  }
  return [...sums.values()];
}

/** A table of the kernels that take most time; all figures are of one run of the work. */
function listed(kernels: readonly KernelTime[], runs: number, top: number): string {
  const table = new Table({
    head: ['kernel', 'times', 'ms', '%', 'GFLOP/s'],
    style: { head: [], border: [] },
  });
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  for (const kernel of kernels.toSorted((a, b) => b.ms - a.ms).slice(0, top)) {
    const { name, ms, flops } = kernel;
    const rate = flops === 0 ? null : flops / ms / 1e6;
    const share = (100 * ms) / total;
    table.push([name, kernel.runs / runs, shown(ms / runs), share.toFixed(1), shown(rate)]);
  }
  return table.toString();
}
