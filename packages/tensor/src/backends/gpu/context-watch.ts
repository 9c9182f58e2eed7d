import { DeviceError } from './errors.ts';

/**
 * Asks a WebGL context for its errors. It tells an error once, and not of which call; and without memory
 * "the state of the GL is undefined" (OpenGL ES 3.0, section 2.5). So an error voids all that was
 * computed before it was noticed: values are known by the era in which they were made.
 */
export class ContextWatch {
  private readonly context: WebGL2RenderingContext;
  private eras = 0;
  private failure: DeviceError | null = null;

  constructor(context: WebGL2RenderingContext) {
    this.context = context;
  }

  /** Which values are made now. */
  get era(): number {
    return this.eras;
  }

  /**
   * Refuses values of an era that is over, and any once the context is lost.
   *
   * @throws DeviceError with the reason
   */
  check(era: number): void {
    if (this.context.isContextLost()) {
      throw new DeviceError(
        'gpu',
        'lost',
        'the WebGL context was lost. Make a new backend with gpuBackend(), and the tensors anew.',
      );
    }
    if (era < this.eras && this.failure !== null) throw this.failure;
  }

  /** Asks for errors, which waits for all that is queued: cheap only where that was waited for anyway. */
  ask(): void {
    const { context } = this;
    const code = context.getError();
    if (code === context.NO_ERROR || context.isContextLost()) return;
    this.eras++;
    this.failure =
      code === context.OUT_OF_MEMORY
        ? new DeviceError(
            'gpu',
            'out-of-memory',
            'WebGL has no memory left. Use smaller batches or parts, and make all tensors anew.',
          )
        : new DeviceError(
            'gpu',
            'validation',
            `WebGL refused a call with error 0x${code.toString(16)}. Make all tensors anew.`,
          );
  }
}
