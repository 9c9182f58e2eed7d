// Errors of the file system that name the file and what to do.

import { TesseraError, ValueError } from '@tessera/tensor';

/** What is wrong and what helps, by the code of the system's error. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device (ENOSPC). Free some space, or choose another folder',
  EDQUOT: 'the disk quota is used up (EDQUOT). Free some space, or choose another folder',
  EROFS: 'the file system is read-only (EROFS). Choose another folder',
  EACCES: 'permission is denied (EACCES). Change the permissions, or choose another place',
  EPERM: 'the operation is not permitted (EPERM). Change the permissions, or choose another place',
  ENOENT: 'it, or the folder that it lies in, does not exist (ENOENT). Check the name',
  ENOTDIR: 'a part of its path is a file, not a folder (ENOTDIR). Check the name',
  EISDIR: 'it is a folder (EISDIR). Name a file',
  ENAMETOOLONG: 'the name is too long (ENAMETOOLONG). Choose a shorter one',
  EMFILE: 'too many files are open (EMFILE). Close some, or raise the limit',
  EIO: 'the device failed (EIO). Check the disk',
};

/** The code of an error of the file system, such as `ENOENT`; `undefined` for any other error. */
export function fileErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * Names the file in an error of the file system; any other error stays as it is.
 *
 * @param op the operation that failed
 * @param path the file
 * @param deed what could not be done with it
 */
export function nameFile(
  op: string,
  path: string,
  deed: 'read' | 'written',
  error: unknown,
): unknown {
  const code = fileErrorCode(error);
  if (code === undefined) return error;
  const advice = ADVICE[code] ?? `the system says ${code}`;
  return new ValueError(op, `${path} cannot be ${deed}: ${advice}.`);
}

/** What an error says, without the operation in front: part of a sentence to somebody who called none. */
export function problemOf(error: unknown): string {
  if (error instanceof TesseraError) return error.message.slice(error.op.length + 2);
  return error instanceof Error ? error.message : String(error);
}
