/** What a reader may do with a file: give a value, or refuse it on purpose in one line that names it. */
import { TesseraError } from '@tessera/tensor';
import { counted, Spending } from './budget.ts';

/** Bytes that any reader may take beside its bound. */
const LEAST = 2 ** 21;

/** Longest error in characters, paths included. */
const LONGEST = 1000;

/**
 * Reads a file that may be mangled.
 *
 * @param most bytes that a file of this length may take
 * @param name what the error must name: a path, or its folder
 * @returns whether the file was accepted
 * @throws Error if the reader fails by accident, takes too much, or says too little
 */
export async function isAccepted(
  most: number,
  name: string,
  read: () => unknown,
): Promise<boolean> {
  const spending = new Spending(LEAST + most);
  try {
    await counted(spending, read);
  } catch (error) {
    if (!(error instanceof TesseraError) || spending.isOver) throw error;
    checkText(error, name);
    return false;
  }
  if (spending.isOver)
    throw new Error(`takes ${spending.spent} bytes, expected ${LEAST + most} at the most`);
  return true;
}

function checkText({ op, message }: TesseraError, name: string): void {
  const problems = [
    [
      message.startsWith(`${op}: `) || message.startsWith(`${name}: `),
      'does not begin with the operation or the file',
    ],
    [message.includes(name), 'does not name the file'],
    [/[^.:][.?]$/.test(message), 'does not end as a sentence'],
    [!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(message), 'has control characters'],
    [message.length <= LONGEST, `has ${message.length} characters`],
  ] as const;
  const problem = problems.find(([holds]) => !holds);
  if (problem !== undefined) throw new Error(`the error ${problem[1]}: ${message}`);
}
