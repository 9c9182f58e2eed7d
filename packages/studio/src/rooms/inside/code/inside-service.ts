// The service of the room Look inside: it runs a reader's code, and shows the tape of what the code asks for.

import type { Service } from '../../../engine/service.ts';
import type {
  BoxFacts,
  CodeProblem,
  RunInput,
  TapeDrawing,
  TapeFacts,
} from '../inside-messages.ts';
import { evaluate, problemOf, type Evaluated } from './evaluate.ts';
import { derivative, Tape } from './tape.ts';

const NOTHING_ASKED =
  'The code does not say what to look at. End it with look(f, x): a function of tensors and its arguments.';

let last: { readonly code: string; readonly evaluated: Evaluated } | null = null;
let tape: Tape | null = null;

/** Runs code, unless it ran already, and records what it asks for. */
async function run({ code, order }: RunInput): Promise<TapeFacts | CodeProblem> {
  const start = performance.now();
  let printed: readonly string[] = [];
  try {
    if (last?.code !== code) {
      tape = null;
      last = null;
      last = { code, evaluated: await evaluate(code) };
    }
    const { evaluated } = last;
    ({ printed } = evaluated);
    if (evaluated.asked === null) throw new Error(NOTHING_ASKED);
    tape = new Tape(derivative(evaluated.asked, order));
    return {
      kind: 'tape',
      nodes: tape.titles(),
      isReached: tape.reached(),
      printed,
      milliseconds: performance.now() - start,
    };
  } catch (error) {
    tape = null;
    return problemOf(error, printed);
  }
}

/** The tape of the last run with some modules open; `null` if it failed. */
function draw({ open }: { readonly open: readonly string[] }): TapeDrawing | null {
  return tape?.draw(open) ?? null;
}

/** All about a box of the last drawing. */
function facts({ id }: { readonly id: string }): BoxFacts | null {
  return tape?.facts(id) ?? null;
}

/** The service. */
export const insideService = { run, draw, facts } satisfies Service;
