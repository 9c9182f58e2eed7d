// What a service of the worker looks like to a room, and the messages between both sides.

/** The call of a method: where it reports to, and whether it is still wanted. */
export interface Call<Update> {
  /** Aborted as soon as nobody waits for the result any more. */
  readonly signal: AbortSignal;
  /** Sends a value to the page before the result. Buffers in `transfer` move instead of being copied. */
  update(value: Update, transfer?: readonly Transferable[]): void;
}

/** Methods by name: each takes one plain value and the call. What it returns is sent back. */
export type Service = Readonly<Record<string, (input: never, call: Call<never>) => unknown>>;

/** What a method takes. */
export type InputOf<Method> = Method extends (input: infer Input, call: never) => unknown
  ? Input
  : never;

/** What a method gives in the end. */
export type ResultOf<Method> = Method extends (input: never, call: never) => infer Result
  ? Awaited<Result>
  : never;

/** What a method reports on its way. */
export type UpdateOf<Method> = Method extends (input: never, call: Call<infer Update>) => unknown
  ? Update
  : never;

/** What an engine computes on: threads of the processor, or WebGPU. */
export type Device = 'processor' | 'webgpu';

/** How the engine computes here. */
export interface EngineFacts {
  readonly device: Device;
  readonly threads: number;
  /** Whether threads may share memory; without that there is one thread. */
  readonly isIsolated: boolean;
  /** What the backend had to do without, in words. */
  readonly notice: string | null;
}

/** From the page to the worker. */
export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly method: string; readonly input: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

/** From the worker to the page. The worker holds `lock` as long as it lives; `null` where there are no locks. */
export type ToPage =
  | { readonly kind: 'listens' }
  | { readonly kind: 'ready'; readonly facts: EngineFacts; readonly lock: string | null }
  | { readonly kind: 'update'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly name: string; readonly message: string }
  | { readonly kind: 'broken'; readonly message: string };
