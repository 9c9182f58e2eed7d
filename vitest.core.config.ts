import { defineConfig } from 'vitest/config';
import all from './vitest.config.ts';

/**
 * Whether to leave out what compares each operation with its definition: it takes most of the time, and runs in
 * both forms of code on two other versions of Node, wide with all tests on 24 and narrow on 20.
 */
const isShort = process.env.TESSERA_CORE === 'short';

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
      'test/tensor/testing/*.test.ts',
      // Every operation against its definition, and compiled against eager.
      ...(isShort ? [] : ['test/ops/{conformance,compiled}.test.ts']),
      'test/properties/wasm.test.ts',
      'test/dit/train/same-bits.test.ts',
      // Files and the command line.
      'test/tensor/io/*.test.ts',
      'test/dit/cli/process.test.ts',
    ],
  },
});
