import { defineConfig } from 'vitest/config';

/** Tests run on the sources (the `tessera-source` export condition), never on a stale build. */
export default defineConfig({
  ssr: { resolve: { conditions: ['tessera-source'] } },
  resolve: { conditions: ['tessera-source'] },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One worker a core: vitest's own default leaves one core idle, half of a machine with two.
    maxWorkers: '100%',
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text', 'html'],
    },
  },
});
