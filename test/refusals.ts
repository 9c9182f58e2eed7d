import { TesseraError } from '@tessera/tensor';

/**
 * Makes calls that must be refused, and gives their errors line by line.
 *
 * @throws Error if a call is accepted, fails by accident instead of on purpose, or says so in a text
 * that does not follow the pattern `op: what is wrong: operands with the sizes that clash. Hint.` (which may be a question).
 */
export async function refusals(calls: readonly (() => unknown)[]): Promise<string> {
  const lines: string[] = [];
  for (const call of calls) {
    const error = await errorOf(call);
    const text = `${error.name}: ${error.message}`;
    const follows = error.message.startsWith(`${error.op}: `) && /[^.:…][.?]$/.test(error.message);
    if (!follows) throw new Error(`the text does not follow the pattern: ${text}`);
    lines.push(text);
  }
  return lines.join('\n');
}

/** A value of another type than TypeScript allows there, as JavaScript can pass it. */
export function wrong(value: unknown): never {
  return value as never;
}

async function errorOf(call: () => unknown): Promise<TesseraError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw new Error(`${String(call)} fails by accident`, { cause: error });
  }
  throw new Error(`${String(call)} is accepted`);
}
