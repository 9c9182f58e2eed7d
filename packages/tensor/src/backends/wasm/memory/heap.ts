// Hands out blocks of the backend's one WebAssembly memory, and grows it when needed.

import { canCollect, CollectionPace } from '../../collector.ts';
import { megabytes, StateError } from '../../../errors.ts';
import { PAGE_BYTES } from '../assembler/module.ts';
import { CONTROL_BYTES } from '../host/control.ts';

/** Blocks begin at multiples of this many bytes, a line of the cache. */
const ALIGNMENT = 128;

/** The pages that a 32-bit address can reach. */
const MOST_PAGES = 65536;

/** The pages of a new memory. */
const FIRST_PAGES = 16;

/** Bytes rounded up to a multiple of the alignment. */
export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** A stretch of memory. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
  /** How many holds ({@link Heap.hold}) there had been when the block was taken. */
  readonly holds: number;
}

/**
 * The memory of one backend and its free blocks, in the order of their addresses. A request takes the first
 * free block that fits. Free neighbours become one block.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly maximumPages: number;
  readonly #free: { address: number; bytes: number }[] = [];
  #end: number = CONTROL_BYTES;
  /** Decides when garbage is collected. */
  readonly pace: CollectionPace = new CollectionPace(() => this.usedBytes);
  /** Blocks that were released while lost threads might still write to them. */
  readonly #held: Block[] = [];
  #holders = 0;
  #holdsSoFar = 0;

  constructor(shared: boolean, mostPages: number = MOST_PAGES) {
    const { memory, maximumPages } = createMemory(shared, mostPages);
    this.memory = memory;
    this.maximumPages = maximumPages;
  }

  /** Bytes of the blocks in use. */
  get usedBytes(): number {
    return this.#free.reduce((bytes, block) => bytes - block.bytes, this.#end - CONTROL_BYTES);
  }

  /**
   * A block with unspecified contents.
   *
   * @throws StateError if the memory cannot grow so far.
   */
  allocate(bytes: number, op: string): Block {
    const size = align(Math.max(1, bytes));
    this.pace.handOut(size);
    const block = this.#take(size) ?? this.#extend(size);
    if (block !== null) return block;
    this.pace.collect();
    const collected = this.#take(size) ?? this.#extend(size);
    if (collected !== null) return collected;
    throw this.#exhausted(size, op);
  }

  /** The beginning of the first free block that is large enough; `null` if none is. */
  #take(size: number): Block | null {
    const index = this.#free.findIndex((block) => block.bytes >= size);
    if (index === -1) return null;
    const block = this.#free[index];
    const { address } = block;
    block.address += size;
    block.bytes -= size;
    if (block.bytes === 0) this.#free.splice(index, 1);
    return { address, bytes: size, holds: this.#holdsSoFar };
  }

  /**
   * Keeps the present blocks from being used again until `end` settles, even if they are released. Until
   * then, threads that were left behind in the middle of a run may write to them.
   */
  hold(end: Promise<unknown>): void {
    this.#holdsSoFar++;
    this.#holders++;
    void this.#giveBackAfter(end);
  }

  async #giveBackAfter(end: Promise<unknown>): Promise<void> {
    await end;
    this.#holders--;
    if (this.#holders === 0) for (const block of this.#held.splice(0)) this.#insert(block);
  }

  /** Whether a block was taken before the last hold. */
  isFromBefore(block: Block): boolean {
    return block.holds < this.#holdsSoFar;
  }

  /** Gives a block back. */
  release(block: Block): void {
    if (this.#holders > 0 && this.isFromBefore(block)) this.#held.push(block);
    else this.#insert(block);
  }

  #insert({ address, bytes }: Block): void {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle].address < address) low = middle + 1;
      else high = middle;
    }
    this.pace.takeBack(bytes);
    this.#free.splice(low, 0, { address, bytes });
    this.#join(low);
    if (low > 0) this.#join(low - 1);
  }

  /** Joins the free blocks at `index` and after it, if they touch. */
  #join(index: number): void {
    const block = this.#free[index];
    const next = this.#free.at(index + 1);
    if (next === undefined || block.address + block.bytes !== next.address) return;
    block.bytes += next.bytes;
    this.#free.splice(index + 1, 1);
  }

  /** A block at the end of the memory, which grows if it must; `null` if it cannot grow so far. */
  #extend(bytes: number): Block | null {
    const last = this.#free.at(-1);
    const reused = last !== undefined && last.address + last.bytes === this.#end ? last : undefined;
    const address = reused?.address ?? this.#end;
    if (!this.#reach(address + bytes)) return null;
    if (reused !== undefined) this.#free.pop();
    this.#end = address + bytes;
    return { address, bytes, holds: this.#holdsSoFar };
  }

  /** Grows the memory to at least `end` bytes, by a quarter or more at a time. */
  #reach(end: number): boolean {
    const pages = this.memory.buffer.byteLength / PAGE_BYTES;
    const needed = Math.ceil(end / PAGE_BYTES);
    if (needed <= pages) return true;
    // Loops compare addresses with the end of what they walk over. That end must not wrap around to
    // 0.
    if (needed > this.maximumPages || end >= MOST_PAGES * PAGE_BYTES) return false;
    const wanted = Math.min(this.maximumPages, Math.max(needed, Math.ceil(pages * 1.25)));
    return this.#tryGrow(wanted - pages, needed - pages);
  }

  #exhausted(bytes: number, op: string): StateError {
    const last = this.#free.at(-1);
    const tail = last !== undefined && last.address + last.bytes === this.#end ? last.bytes : 0;
    const [most, reached] = [this.maximumPages * PAGE_BYTES, this.memory.buffer.byteLength];
    const used = this.usedBytes;
    const isRefused = this.#end - tail + bytes < most;
    const largest = Math.max(most - this.#end + tail, ...this.#free.map((block) => block.bytes));
    let cause = `and WebAssembly reaches ${megabytes(most)}`;
    if (isRefused) cause = `and the system gives no more than ${megabytes(reached)}`;
    else if (most - used > bytes + 2 ** 20) {
      cause = `but the largest free piece has ${Math.floor(largest / 2 ** 20)} MiB`;
    }
    const hint = canCollect()
      ? ''
      : '; here garbage comes back only while values are awaited (await x.item())';
    return new StateError(
      op,
      `no memory is left for ${megabytes(bytes)}: ${megabytes(used)} are in use, ${cause}. ` +
        `Use smaller batches, compile the whole step, or dispose() of tensors${hint}.`,
    );
  }

  #tryGrow(...amounts: readonly number[]): boolean {
    return amounts.some((pages) => {
      try {
        this.memory.grow(pages);
        return true;
      } catch {
        return false;
      }
    });
  }
}

function createMemory(
  shared: boolean,
  mostPages: number,
): { memory: WebAssembly.Memory; maximumPages: number } {
  // A device may refuse to reserve as many addresses as a module could use.
  for (let maximumPages = mostPages; maximumPages >= FIRST_PAGES; maximumPages /= 2) {
    try {
      const memory = new WebAssembly.Memory({
        initial: FIRST_PAGES,
        maximum: maximumPages,
        shared,
      });
      return { memory, maximumPages };
    } catch {
      continue;
    }
  }
  throw new StateError('wasmBackend', 'the engine gives no WebAssembly memory.');
}
