import type { GpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';

/** A gpu.js that computes as the installed one does, but whose kernels do not show one of their internals. */
export function withoutInternal<L extends Pick<GpuJs, 'GPU'>>(library: L, internal: string): L {
  class OtherGpu extends library.GPU {
    override createKernel(...args: Parameters<InstanceType<GpuJs['GPU']>['createKernel']>) {
      const run = super.createKernel(...args);
      const { kernel } = run;
      const facade = new Proxy(kernel, {
        get: (target, name) => {
          if (name === internal) return undefined;
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' && name !== 'constructor'
            ? (value.bind(target) as unknown)
            : value;
        },
      });
      return new Proxy(run, {
        get: (target, name) =>
          name === 'kernel' ? facade : (Reflect.get(target, name) as unknown),
      });
    }
  }
  return { ...library, GPU: OtherGpu };
}
