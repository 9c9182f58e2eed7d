// Notices errors and the loss of a WebGL context, which void everything computed before.

import { DeviceError } from './errors.ts';

/**
 * Asks a WebGL context for its errors. A context reports an error once, and does not say of which call. Once
 * memory has run out, "the state of the GL is undefined" (OpenGL ES 3.0, section 2.5). So an error voids
 * everything that was computed before it was noticed. Values belong to the era in which they were made; an
 * error ends an era.
 */
export class ContextWatch {
  readonly #context: WebGL2RenderingContext;
  /** The errors that ended the earlier eras, in order. */
  readonly #failures: DeviceError[] = [];

  constructor(context: WebGL2RenderingContext) {
    this.#context = context;
  }

  /** The era of the values that are made now. */
  get era(): number {
    return this.#failures.length;
  }

  /**
   * Why the values of an era are invalid: the error that ended it, or the loss of the context; else `null`.
   */
  failureOf(era: number): DeviceError | null {
    return this.#loss ?? (era < this.era ? this.#failures[era] : null);
  }

  /**
   * Throws if the context is lost.
   *
   * @throws DeviceError
   */
  checkLoss(): void {
    const loss = this.#loss;
    if (loss !== null) throw loss;
  }

  /**
   * Throws if an era is over, or if the context is lost.
   *
   * @throws DeviceError with what ended the era
   */
  check(era: number): void {
    const failure = this.failureOf(era);
    if (failure !== null) throw failure;
  }

  /** Asks for errors, which waits for all queued work. So call it only where that wait is due anyway. */
  ask(): void {
    const codes = this.#codes();
    if (codes.length === 0) return;
    const { OUT_OF_MEMORY } = this.#context;
    this.#failures.push(
      codes.includes(OUT_OF_MEMORY)
        ? new DeviceError(
            'gpu',
            'out-of-memory',
            'WebGL has no memory left. Use smaller batches or parts, and make all tensors anew.',
          )
        : new DeviceError(
            'gpu',
            'validation',
            `WebGL refused a call with error ${codes.map((code) => `0x${code.toString(16)}`).join(', ')}. Make all tensors anew.`,
          ),
    );
  }

  get #loss(): DeviceError | null {
    if (!this.#context.isContextLost()) return null;
    return new DeviceError(
      'gpu',
      'lost',
      'the WebGL context was lost. Make a new backend with gpuBackend(), and the tensors anew.',
    );
  }

  /** All pending errors. A context may hold one of each kind, and reports one per call. */
  #codes(): number[] {
    const context = this.#context;
    const codes: number[] = [];
    for (;;) {
      const code = context.getError();
      // A lost context reports its loss here once, which is not an error of a call.
      if (code === context.NO_ERROR || context.isContextLost()) return codes;
      codes.push(code);
    }
  }
}
