// Takes from a worker all that code of a reader has no use for: network, storage, other workers, messages.

/** What stays: the names of JavaScript itself, WebAssembly, clocks and text. */
const KEPT: ReadonlySet<string> = new Set(
  `AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView
  Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity
  Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError
  Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array
  Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly decodeURI decodeURIComponent encodeURI
  encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape
  AbortController AbortSignal MessageChannel MessagePort TextDecoder TextEncoder URL clearTimeout console crossOriginIsolated performance queueMicrotask self setTimeout`.split(
    /\s+/,
  ),
);

/**
 * Deletes every other global name of this worker, for good: there is no other realm to get them back from. What was
 * loaded before keeps what it holds.
 */
export function lockDown(): void {
  let at: object | null = globalThis;
  for (; at !== null && at !== Object.prototype; at = Reflect.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) {
      if (typeof name === 'string' && !KEPT.has(name)) Reflect.deleteProperty(at, name);
    }
  }
}
