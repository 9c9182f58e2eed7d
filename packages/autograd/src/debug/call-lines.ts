// The lines of a program that lead to the operation at hand, without those of the engine.

/** Frames that are looked through: an operation deep in a model has many. */
const DEEPEST = 200;

/** Files of the engine, whose lines tell nothing about a program. */
const ENGINE =
  /@tessera[\\/](?:tensor|autograd)[\\/]|packages[\\/](?:tensor|autograd)[\\/](?:src|dist)|\(?node:/;

/**
 * The calls that lead here, the innermost first, as the engine writes them: `loss (file:///train.ts:12:8)`.
 * Where all code lies in one file, as after bundling, the lines of this package are among them.
 */
export function callLines(): readonly string[] {
  const host = Error as { stackTraceLimit?: number };
  const { stackTraceLimit } = host;
  host.stackTraceLimit = DEEPEST;
  const { stack = '' } = new Error();
  if (stackTraceLimit === undefined) delete host.stackTraceLimit;
  else host.stackTraceLimit = stackTraceLimit;
  return stack
    .split('\n')
    .map((line) => line.trim().replace(/^at /, ''))
    .filter((line) => /:\d+:\d+\)?$/.test(line) && !ENGINE.test(line));
}
