import { cpuBackend, wasmBackend } from '@tessera/tensor';
import { describeConformance, type Candidate } from './conformance-suite.ts';

const candidates: readonly Candidate[] = [
  { name: 'cpu', make: cpuBackend, tolerance: 1e-6, share: 12 },
  // Sums of float32 products, and functions within two units of the last place.
  { name: 'wasm, 1 thread', make: () => wasmBackend({ threads: 1 }), tolerance: 2e-6, share: 12 },
  { name: 'wasm, 2 threads', make: () => wasmBackend({ threads: 2 }), tolerance: 2e-6, share: 12 },
];

candidates.forEach(describeConformance);
