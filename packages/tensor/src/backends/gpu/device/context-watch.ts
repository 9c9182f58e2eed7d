// Notices errors and the loss of a WebGL context, which void everything computed before.

import { DeviceError } from './errors.ts';

/**
 * Asks a WebGL context for its errors. It tells an error once, and not of which call; and without memory
 * "the state of the GL is undefined" (OpenGL ES 3.0, section 2.5). So an error voids all that was
 * computed before it was noticed: values are known by the era in which they were made.
 */
export class ContextWatch {
  private readonly context: WebGL2RenderingContext;
  /** What ended each of the eras before. */
  private readonly failures: DeviceError[] = [];

  constructor(context: WebGL2RenderingContext) {
    this.context = context;
  }

  /** Which values are made now. */
  get era(): number {
    return this.failures.length;
  }

  /** Why values of an era are none, if it is over, or the context lost; `null` as long as they may be. */
  failureOf(era: number): DeviceError | null {
    return this.loss ?? (era < this.era ? this.failures[era] : null);
  }

  /**
   * Refuses everything once the context is lost.
   *
   * @throws DeviceError
   */
  checkLoss(): void {
    const { loss } = this;
    if (loss !== null) throw loss;
  }

  /**
   * Refuses values of an era that is over, and any once the context is lost.
   *
   * @throws DeviceError with what ended the era
   */
  check(era: number): void {
    const failure = this.failureOf(era);
    if (failure !== null) throw failure;
  }

  /** Asks for errors, which waits for all that is queued: cheap only where that was waited for anyway. */
  ask(): void {
    const codes = this.codes();
    if (codes.length === 0) return;
    const { OUT_OF_MEMORY } = this.context;
    this.failures.push(
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

  private get loss(): DeviceError | null {
    if (!this.context.isContextLost()) return null;
    return new DeviceError(
      'gpu',
      'lost',
      'the WebGL context was lost. Make a new backend with gpuBackend(), and the tensors anew.',
    );
  }

  /** All errors there are: a context may hold one of each kind, and tells one at a time. */
  private codes(): number[] {
    const { context } = this;
    const codes: number[] = [];
    for (;;) {
      const code = context.getError();
      // A lost context tells that once, which is no error of a call.
      if (code === context.NO_ERROR || context.isContextLost()) return codes;
      codes.push(code);
    }
  }
}
