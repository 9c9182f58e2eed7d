// The public names for testing programs made of tensors (@tessera/tensor/testing).

/**
 * For the tests of programs that compute with tensors, in vitest or any other runner: {@link expectNoLeak}.
 *
 * @module @tessera/tensor/testing
 */
export { expectNoLeak, LeakError, type LeakOptions } from './expect-no-leak.ts';
