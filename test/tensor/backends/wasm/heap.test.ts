import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { PAGE_BYTES } from '../../../../packages/tensor/src/backends/wasm/assembler/module.ts';
import { CONTROL_BYTES } from '../../../../packages/tensor/src/backends/wasm/host/control.ts';
import { Heap, type Block } from '../../../../packages/tensor/src/backends/wasm/memory/heap.ts';
import { LastingBlock } from '../../../../packages/tensor/src/backends/wasm/memory/lasting-block.ts';

/** What a program does with memory: takes so many bytes, or gives one of its blocks back. */
type Action =
  | { readonly kind: 'allocate'; readonly bytes: number }
  | { readonly kind: 'release'; readonly which: number };

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('allocate' as const), bytes: fc.integer({ min: 0, max: 5000 }) }),
    fc.record({ kind: fc.constant('release' as const), which: fc.nat() }),
  ),
  { maxLength: 60 },
);

/** Does it, and gives the blocks that are still held. */
function play(
  heap: Heap,
  list: readonly Action[],
  check: (held: readonly Block[]) => void,
): Block[] {
  const held: Block[] = [];
  for (const action of list) {
    if (action.kind === 'allocate') held.push(heap.allocate(action.bytes, 'test'));
    else if (held.length > 0) heap.release(held.splice(action.which % held.length, 1)[0]);
    check(held);
  }
  return held;
}

/** The end of a hold that has not come yet, and what makes it come. */
function open(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let end: (() => void) | undefined;
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { promise, resolve: () => end?.() };
}

/** How often `work` has garbage collected. */
async function countCollections(work: () => void): Promise<number> {
  let count = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { flags } = (entry as unknown as { readonly detail: { readonly flags: number } })
        .detail;
      if ((flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) count++;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  work();
  await setImmediate();
  await setImmediate();
  observer.disconnect();
  return count;
}

describe('a heap', () => {
  it('has garbage collected for memory that nobody gives back, and for no other', async () => {
    const heap = new Heap(false);
    const take = (): Block => heap.allocate(2 ** 24, 'test');
    const takeAndGive = (): void => {
      for (let i = 0; i < 40; i++) heap.release(take());
    };
    const takeAlone = (): void => {
      for (let i = 0; i < 17; i++) take();
    };
    expect(await countCollections(takeAndGive)).toBe(0);
    expect(await countCollections(takeAlone)).toBeGreaterThan(0);
  });

  it('gives blocks that are large enough, aligned, in memory and apart from each other', () => {
    fc.assert(
      fc.property(actions, (list) => {
        const heap = new Heap(false, 64);
        play(heap, list, (held) => {
          const sorted = held.toSorted((a, b) => a.address - b.address);
          let end = CONTROL_BYTES;
          for (const { address, bytes } of sorted) {
            expect(address).toBeGreaterThanOrEqual(end);
            expect(address % 128).toBe(0);
            end = address + bytes;
          }
          expect(end).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
          expect(heap.usedBytes).toBe(held.reduce((sum, { bytes }) => sum + bytes, 0));
        });
        for (const action of list) {
          if (action.kind === 'release') continue;
          const block = heap.allocate(action.bytes, 'test');
          expect(block.bytes).toBeGreaterThanOrEqual(action.bytes);
          heap.release(block);
        }
      }),
    );
  });

  it('is one free block again when everything was given back, in any order', () => {
    fc.assert(
      fc.property(actions, fc.array(fc.nat(), { minLength: 60, maxLength: 60 }), (list, order) => {
        const heap = new Heap(false, 64);
        let most = 0;
        const held = play(heap, list, (blocks) => {
          most = Math.max(most, ...blocks.map(({ address, bytes }) => address + bytes));
        });
        while (held.length > 0) {
          const which = order[held.length - 1];
          heap.release(held.splice(which % held.length, 1)[0]);
        }
        expect(heap.usedBytes).toBe(0);
        // All that was ever used is there in one piece, from the beginning on.
        const bytes = Math.max(1, most - CONTROL_BYTES);
        const { byteLength } = heap.memory.buffer;
        expect(heap.allocate(bytes, 'test').address).toBe(CONTROL_BYTES);
        expect(heap.memory.buffer.byteLength).toBe(byteLength);
      }),
    );
  });

  it('takes the first gap that fits', () => {
    const heap = new Heap(false, 64);
    const [a, , c] = [256, 128, 512, 128].map((bytes) => heap.allocate(bytes, 'test'));
    heap.release(c);
    heap.release(a);
    expect(heap.allocate(300, 'test').address).toBe(c.address);
    expect(heap.allocate(200, 'test').address).toBe(a.address);
    expect(heap.allocate(100, 'test').address).toBe(c.address + 384);
  });

  it('grows as it must, keeping what was there, up to the largest memory', () => {
    const heap = new Heap(false, 32);
    const first = heap.allocate(1000, 'test');
    new Uint8Array(heap.memory.buffer)[first.address] = 42;
    expect(heap.memory.buffer.byteLength).toBe(16 * PAGE_BYTES);
    heap.allocate(15 * PAGE_BYTES, 'test');
    heap.allocate(PAGE_BYTES, 'test');
    expect(heap.memory.buffer.byteLength).toBe(20 * PAGE_BYTES);
    heap.allocate(15 * PAGE_BYTES, 'test');
    expect(heap.memory.buffer.byteLength).toBe(32 * PAGE_BYTES);
    expect(new Uint8Array(heap.memory.buffer)[first.address]).toBe(42);
  });

  it('says what to do when no memory is left, and goes on with smaller blocks', () => {
    const heap = new Heap(false, 32);
    const block = heap.allocate(2 ** 20, 'test');
    expect(() => heap.allocate(2 ** 20, 'matmul')).toThrowErrorMatchingInlineSnapshot(
      `[StateError: matmul: no memory is left for 1 MiB: 1 MiB are in use, and WebAssembly reaches 2 MiB. Use smaller batches, compile the whole step, or dispose() of tensors.]`,
    );
    expect(heap.allocate(2 ** 19, 'matmul').bytes).toBe(2 ** 19);
    heap.release(block);
    expect(heap.allocate(2 ** 20, 'matmul').address).toBe(block.address);
  });

  it('says whether memory is in pieces, or refused by the system', () => {
    const heap = new Heap(false, 128);
    const blocks = [1, 1, 1, 1, 1].map(() => heap.allocate(2 ** 20, 'test'));
    for (const i of [1, 3]) heap.release(blocks[i]);
    expect(() => heap.allocate(3.5 * 2 ** 20, 'matmul')).toThrowErrorMatchingInlineSnapshot(
      `[StateError: matmul: no memory is left for 4 MiB: 3 MiB are in use, but the largest free piece has 2 MiB. Use smaller batches, compile the whole step, or dispose() of tensors.]`,
    );
    const small = new Heap(false, 64);
    vi.spyOn(small.memory, 'grow').mockImplementation(() => {
      throw new RangeError('no');
    });
    expect(() => small.allocate(2 ** 21, 'matmul')).toThrowErrorMatchingInlineSnapshot(
      `[StateError: matmul: no memory is left for 2 MiB: 0 MiB are in use, and the system gives no more than 1 MiB. Use smaller batches, compile the whole step, or dispose() of tensors.]`,
    );
  });

  it('looks for garbage the less often, the more is in use', async () => {
    const heap = new Heap(false);
    const take = (): Block => heap.allocate(2 ** 26, 'test');
    const grow = (): void => {
      for (let i = 0; i < 48; i++) take();
    };
    // After 256 MiB, and then by half of what is in use: at 0.3, 0.6, 0.9, 1.4 and 2.2 GiB.
    expect(await countCollections(grow)).toBeLessThanOrEqual(6);
    const takeAndGive = (): void => {
      for (let i = 0; i < 100; i++) heap.release(take());
    };
    expect(await countCollections(takeAndGive)).toBe(0);
  });

  it('keeps what was there before a hold until all holds have ended, and nothing else', async () => {
    const heap = new Heap(false, 64);
    const [first, second] = [1000, 1000].map((bytes) => heap.allocate(bytes, 'test'));
    const ends = [open(), open()];
    heap.release(first);
    heap.hold(ends[0].promise);
    heap.release(second);
    expect(heap.allocate(1000, 'test').address).toBe(first.address);
    const third = heap.allocate(1000, 'test');
    expect(third.address).toBeGreaterThan(second.address);
    heap.release(third);
    expect(heap.allocate(1000, 'test').address).toBe(third.address);
    heap.hold(ends[1].promise);
    ends[0].resolve();
    await setImmediate();
    expect(heap.allocate(1000, 'test').address).toBeGreaterThan(third.address);
    ends[1].resolve();
    await setImmediate();
    expect(heap.allocate(1000, 'test').address).toBe(second.address);
  });

  it('may be shared', () => {
    expect(new Heap(true, 16).memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(() => new Heap(false, 8)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: wasmBackend: the engine gives no WebAssembly memory.]`,
    );
  });
});

describe('a lasting block', () => {
  it('stays where it is, and moves after a hold', async () => {
    const heap = new Heap(false, 64);
    const block = new LastingBlock(heap, 1000, 'test');
    const address = block.address();
    expect(block.address()).toBe(address);
    const end = open();
    heap.hold(end.promise);
    const moved = block.address();
    expect(moved).toBeGreaterThan(address);
    expect(block.address()).toBe(moved);
    // Where it was is free for others when nobody can write there any more.
    expect(heap.allocate(1000, 'test').address).toBeGreaterThan(moved);
    end.resolve();
    await setImmediate();
    expect(heap.allocate(1000, 'test').address).toBe(address);
    block.release();
    expect(heap.allocate(1000, 'test').address).toBe(moved);
  });

  it('grows over where it was, but not over what threads may write to', () => {
    const heap = new Heap(false, 64);
    const block = new LastingBlock(heap, 1000, 'test');
    const address = block.address();
    block.grow(5000, 'test');
    expect([block.address(), block.bytes]).toEqual([address, 5120]);
    heap.hold(open().promise);
    block.grow(6000, 'test');
    expect(block.address()).toBe(address + 5120);
  });

  it('stays as large as it was when there is no memory for more', () => {
    const heap = new Heap(false, 32);
    const block = new LastingBlock(heap, 1000, 'test');
    for (let round = 0; round < 2; round++) {
      expect(() => {
        block.grow(2 ** 22, 'test');
      }).toThrow(/^test: no memory is left for 4 MiB/);
      expect(block.bytes).toBe(1024);
      heap.hold(open().promise);
    }
  });
});
