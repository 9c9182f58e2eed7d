import { cpuBackend, setDefaultBackend, wasmBackend, type Backend } from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import {
  runCases,
  type CaseResult,
  type GoldenCase,
  type Mode,
  type SectionName,
} from './golden-case.ts';
import type { GoldenFolder } from './golden-folder.ts';
import type { PageTask } from './page/exchange.ts';

/** A backend, and what it takes to let the process end. */
type DisposableBackend = Backend & { dispose?(): Promise<void> | void };

/** Computes the cases of sections on one backend. */
export interface Runner {
  /** The results of `cases`, which are those of `section`. */
  run(section: SectionName, cases: readonly GoldenCase[]): Promise<CaseResult[]>;
  /** Gives back what the runner holds. */
  close(): Promise<void>;
}

/** Starts a runner for a folder whose files have been read. */
export type OpenRunner = (folder: GoldenFolder, mode: Mode) => Promise<Runner>;

/** What the command can run on, by the name of its option. */
export const RUNNERS: Readonly<Record<string, OpenRunner>> = {
  wasm: inNode(() => wasmBackend()),
  'wasm-wide': inNode(() => wasmBackend({ wide: true })),
  cpu: inNode(cpuBackend),
  gpu: inNode(() => gpuBackend()),
  'gpu-webgpu': inNode(() => gpuBackend({ mode: 'webgpu' })),
  'gpu-webgpu-public': inNode(() => gpuBackend({ mode: 'webgpu', executor: 'gpu.js' })),
  'gpu-webgpu-page': inPage('webgpu'),
  'gpu-webgl2': inPage('webgl2'),
  'gpu-webasm': inNode(() => gpuBackend({ mode: 'webasm' })),
  'gpu-cpu': inNode(() => gpuBackend({ mode: 'cpu' })),
};

function inNode(make: () => DisposableBackend | Promise<DisposableBackend>): OpenRunner {
  return async () => {
    const backend = await make();
    setDefaultBackend(backend);
    return {
      run: (_, cases) => runCases(cases),
      close: async () => backend.dispose?.(),
    };
  };
}

function inPage(gpu: PageTask['gpu']): OpenRunner {
  return async (folder, mode) => {
    // A bundler takes longer to load than all the rest.
    const { openPageRunner } = await import('./page-runner.ts');
    return openPageRunner(gpu, folder, mode);
  };
}
