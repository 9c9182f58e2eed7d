import { defineConfig } from 'vitest/config';

/** Tests run on the sources (the `tessera-source` export condition), never on a stale build. */
export default defineConfig({
  ssr: { resolve: { conditions: ['tessera-source'] } },
  resolve: { conditions: ['tessera-source'] },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
  },
});
