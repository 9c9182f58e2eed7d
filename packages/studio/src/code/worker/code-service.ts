// The service of a reader's code: it runs the code, and shows the tape and the kernels of what it asks for.

import type { Service } from '../../engine/service.ts';
import type {
  BoxFacts,
  CodeProblem,
  CompiledFacts,
  RanFacts,
  RunInput,
  TapeDrawing,
  TapeFacts,
} from '../code-messages.ts';
import { Compilation } from './compilation.ts';
import { evaluate, problemOf, type Asked, type Evaluated } from './evaluate.ts';
import { derivative, Tape } from './tape.ts';

const NOTHING_ASKED =
  'The code does not say what to look at. End it with look(f, x): a function of tensors and its arguments.';

let last: { readonly code: string; readonly evaluated: Evaluated } | null = null;
let looked: Asked | null = null;
let tape: Tape | null = null;
let compilation: Compilation | null = null;

/** Runs code, unless it ran already, and records what it asks for. */
async function run({
  code,
  order,
  mustLook,
  favoured,
}: RunInput): Promise<TapeFacts | RanFacts | CodeProblem> {
  const start = performance.now();
  let printed: readonly string[] = [];
  [looked, tape, compilation] = [null, null, null];
  try {
    if (last?.code !== code) {
      last = null;
      last = { code, evaluated: await evaluate(code, favoured) };
    }
    const { evaluated } = last;
    ({ printed } = evaluated);
    if (evaluated.asked === null) {
      if (mustLook) throw new Error(NOTHING_ASKED);
      return { kind: 'ran', printed, milliseconds: performance.now() - start };
    }
    const asked = derivative(evaluated.asked, order);
    tape = new Tape(asked);
    looked = asked;
    return {
      kind: 'tape',
      nodes: tape.titles(),
      isReached: tape.reached(),
      printed,
      milliseconds: performance.now() - start,
    };
  } catch (error) {
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

/** What the compiler makes of what the last run asked for; `null` if it failed. */
function compiled(): CompiledFacts | CodeProblem | null {
  if (looked === null) return null;
  try {
    compilation ??= new Compilation(looked);
    return compilation.facts;
  } catch (error) {
    return problemOf(error, []);
  }
}

/** A kernel of the last compilation as WebAssembly text; `null` if there is none. */
function modules({ kernel }: { readonly kernel: number }): Promise<string> | null {
  return compilation?.modules(kernel) ?? null;
}

/** The service. */
export const codeService = { run, draw, facts, compiled, modules } satisfies Service;
