import type { KernelSource } from './dispatch.ts';
import type { Program } from './engine.ts';
import type { Outcome } from './outcome.ts';
import type { Shader } from './shader.ts';

// The values of GPUBufferUsage and GPUShaderStage, which not every engine has as globals.
const COPY_DST = 0x8;
const UNIFORM = 0x40;
const COMPUTE_STAGE = 0x4;

/** A kernel that is ready for the passes of our own. */
export class ComputeProgram implements Program {
  readonly source: KernelSource;
  readonly shader: Shader;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly params: GPUBuffer;
  readonly groups: readonly [number, number, number];
  /** Whether the device could compile it. */
  readonly outcome: Outcome;

  constructor(device: GPUDevice, source: KernelSource, shader: Shader, outcome: Outcome) {
    this.source = source;
    this.shader = shader;
    this.outcome = outcome;
    const label = source.name;
    const storage = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: COMPUTE_STAGE,
      buffer: { type },
    });
    this.layout = device.createBindGroupLayout({
      label,
      entries: [
        storage(0, 'uniform'),
        ...Array.from({ length: source.inputs }, (_, i) => storage(1 + i, 'read-only-storage')),
        storage(1 + source.inputs, 'storage'),
      ],
    });
    this.pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [this.layout] }),
      compute: {
        module: device.createShaderModule({ label, code: shader.code }),
        entryPoint: 'main',
      },
    });
    const { groups, width } = workgroups(shader.threads, shader.workgroup, device.limits);
    this.groups = groups;
    this.params = device.createBuffer({
      label,
      size: shader.paramsBytes,
      usage: UNIFORM | COPY_DST,
    });
    const [x, y = 1, z = 1] = shader.threads;
    device.queue.writeBuffer(this.params, 0, Uint32Array.of(x, y, z, width));
  }
}

/** Workgroups of a dispatch; one dimension folds over y where it is too long for a device. */
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
