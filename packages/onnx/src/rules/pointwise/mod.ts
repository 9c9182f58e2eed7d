// The rule of mod: the remainder with the sign of the divisor, for all divisors.

import type { OnnxRule } from '../rule.ts';

/** a − b · ⌊a / b⌋. */
export const mod: OnnxRule = (graph, { inputs: [a, b], result }) => {
  const zero = graph.scalar(result.dtype, 0);
  if (result.dtype === 'int32') {
    // Modulo 0 is 0 here, and is an error of the processor there, as −2³¹ modulo −1 is. Modulo ±1 is 0 too.
    const isZero = graph.node('Equal', [b, zero]);
    const isMinusOne = graph.node('Equal', [b, graph.scalar('int32', -1)]);
    const isSpecial = graph.node('Or', [isZero, isMinusOne]);
    return graph.node('Mod', [a, graph.node('Where', [isSpecial, graph.scalar('int32', 1), b])]);
  }
  // `fmod` has the sign of a. Where that is not the sign of b, one b more.
  const rest = graph.node('Mod', [a, b], { fmod: 1 });
  const differ = graph.node('Xor', [
    graph.node('Less', [rest, zero]),
    graph.node('Less', [b, zero]),
  ]);
  const isExact = graph.node('Equal', [rest, zero]);
  const isWrong = graph.node('And', [differ, graph.node('Not', [isExact])]);
  return graph.node('Where', [isWrong, graph.node('Add', [rest, b]), rest]);
};
