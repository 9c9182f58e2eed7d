// A compiled compute pipeline, with the bindings and workgroups that a pass needs.

import type { KernelSource } from '../kernel/dispatch.ts';
import type { Program } from '../device/engine.ts';
import type { Outcome } from '../device/outcome.ts';
import type { Shader } from '../device/shader.ts';

// The values of GPUBufferUsage and GPUShaderStage; some engines lack these globals.
const COPY_DST = 0x8;
const UNIFORM = 0x40;
const COMPUTE_STAGE = 0x4;

/** What a pass binds and dispatches to run a kernel. */
export interface ComputePipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly params: GPUBuffer;
  readonly groups: readonly [number, number, number];
  /** Whether the device could compile the pipeline and had memory for it. */
  readonly outcome: Outcome;
}

/** A kernel that our own passes run. */
export class ComputeProgram implements Program {
  readonly source: KernelSource;
  readonly shader: Shader;
  readonly #build: () => ComputePipeline;
  #built: ComputePipeline;

  /** @param build Makes the pipeline, see {@link buildPipeline}. */
  constructor(source: KernelSource, shader: Shader, build: () => ComputePipeline) {
    this.source = source;
    this.shader = shader;
    this.#build = build;
    this.#built = build();
  }

  /** The pipeline. If the device had no memory for it before, it is made anew: there may be memory by now. */
  get pipeline(): ComputePipeline {
    if (this.#built.outcome.failure?.failure === 'out-of-memory') {
      this.#built.params.destroy();
      this.#built = this.#build();
    }
    return this.#built;
  }
}

/** Makes the pipeline of a kernel. Its outcome is known later. */
export function buildPipeline(
  device: GPUDevice,
  { name, inputs }: KernelSource,
  shader: Shader,
  outcome: Outcome,
): ComputePipeline {
  const label = name;
  const storage = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
    binding,
    visibility: COMPUTE_STAGE,
    buffer: { type },
  });
  const layout = device.createBindGroupLayout({
    label,
    entries: [
      storage(0, 'uniform'),
      ...Array.from({ length: inputs }, (_, i) => storage(1 + i, 'read-only-storage')),
      storage(1 + inputs, 'storage'),
    ],
  });
  const pipeline = device.createComputePipeline({
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: {
      module: device.createShaderModule({ label, code: shader.code }),
      entryPoint: 'main',
    },
  });
  const { groups, width } = workgroups(shader.threads, shader.workgroup, device.limits);
  const params = device.createBuffer({
    label,
    size: shader.paramsBytes,
    usage: UNIFORM | COPY_DST,
  });
  const [x, y = 1, z = 1] = shader.threads;
  device.queue.writeBuffer(params, 0, Uint32Array.of(x, y, z, width));
  return { pipeline, layout, params, groups, outcome };
}

/** The workgroups of a dispatch. A single dimension that is too long for the device is folded over y. */
function workgroups(
  threads: readonly number[],
  [wx, wy, wz]: Shader['workgroup'],
  limits: GPUSupportedLimits,
): { readonly groups: readonly [number, number, number]; readonly width: number } {
  const [x, y = 1, z = 1] = threads;
  const across = Math.ceil(x / wx);
  if (threads.length > 1) {
    return { groups: [across, Math.ceil(y / wy), Math.ceil(z / wz)], width: 0 };
  }
  const rows = Math.ceil(across / limits.maxComputeWorkgroupsPerDimension);
  const columns = Math.ceil(across / rows);
  return { groups: [columns, rows, 1], width: columns * wx };
}
