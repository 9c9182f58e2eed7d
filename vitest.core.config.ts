import { defineConfig } from 'vitest/config';
import all from './vitest.config.ts';

/**
 * The tests of what depends on the engine below: `.ci/run` runs them on every supported version of Node, and
 * all tests on one.
 */
export default defineConfig({
  ...all,
  test: {
    ...all.test,
    include: [
      // The engine: kernels, threads, memory, stderr; what is read and refused.
      'test/tensor/backends/wasm/**/*.test.ts',
      'test/tensor/{edges,errors,memory,read,tree}.test.ts',
      // Every operation against its definition, and compiled against eager.
      'test/ops/{conformance,compiled}.test.ts',
      'test/properties/wasm.test.ts',
      // Files and the command line.
      'test/tensor/io/*.test.ts',
      'test/dit/cli/process.test.ts',
    ],
  },
});
