// Turns errors into exit codes: one line for what a user can mend, a stack for our own faults.

import { escapeControls } from '../config/excerpt.ts';

/** Exit code after bad input: a wrong option, a missing or damaged file, a full disk. */
const BAD_INPUT = 2;

/** Exit code after a defect of Tessera. */
const DEFECT = 1;

/** Exit code of a process that a signal ended, by the convention of shells: 128 and the signal's number. */
export const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The one line for an error that a user can mend; `undefined` if the error is a defect. */
async function expectedText(error: Error): Promise<string | undefined> {
  const { TesseraError } = await import('@tessera/tensor');
  const fromFileSystem = 'syscall' in error && 'code' in error;
  return error instanceof TesseraError || fromFileSystem
    ? escapeControls(error.message.replaceAll(/\s*\n\s*/g, ' '))
    : undefined;
}

/**
 * Runs a command and says how it ended. What commander refuses has already been printed by it.
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
 * Lets the work go on when the reader of an output goes away (`tessera train | head -1`): the files are
 * the result, and they are still written. Other errors of the stream are thrown.
 */
export function ignoreClosedPipe(stream: NodeJS.WritableStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
  });
}
