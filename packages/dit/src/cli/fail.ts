// Turns errors into exit codes: one line for what a user can mend, a stack for our own faults.

/** Exit code after bad input: a wrong option, a missing or damaged file, a full disk. */
const BAD_INPUT = 2;

/** Exit code after a defect of Tessera. */
const DEFECT = 1;

/** Exit code of a process that a signal ended, by the convention of shells: 128 and the signal's number. */
export const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * The one line for an error that a user can mend; `undefined` if the error is a defect. The line has no
 * name of a function, since the user called none. The engine is loaded only here, so `--help` is quick.
 */
async function expectedText(error: Error): Promise<string | undefined> {
  const { excerpt, TesseraError } = await import('@tessera/tensor');
  const { problemOf } = await import('../run/file-error.ts');
  const fromFileSystem = 'syscall' in error && 'code' in error;
  return error instanceof TesseraError || fromFileSystem
    ? excerpt(problemOf(error).replaceAll(/\s*\n\s*/g, ' '), Infinity)
    : undefined;
}

/**
 * Runs a command and gives its exit code. Errors of commander are not printed again.
 *
 * @param command the command to run
 * @param print writes one text to stderr
 * @returns the exit code: 0, or 2 after bad input, or 1 after a defect
 */
export async function exitCodeOf(
  command: () => Promise<unknown>,
  print: (text: string) => void,
): Promise<number> {
  try {
    await command();
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) {
      print(`error: ${String(error)}\n`);
      return DEFECT;
    }
    if ('exitCode' in error) {
      return error.exitCode === 0 ? 0 : BAD_INPUT;
    }
    const text = await expectedText(error);
    print(text === undefined ? `${error.stack ?? error.message}\n` : `error: ${text}\n`);
    return text === undefined ? DEFECT : BAD_INPUT;
  }
}

/**
 * Lets the work go on when the reader of an output goes away, as in `tessera train | head -1`. The files
 * are the result, and they are still written. Other errors of the stream are thrown.
 */
export function ignoreClosedPipe(stream: NodeJS.WritableStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
  });
}
