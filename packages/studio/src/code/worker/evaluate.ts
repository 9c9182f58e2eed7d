// Runs what a reader wrote, with the names of the engine in scope, and notes what it asks to look at.

import * as dit from '@tessera/dit';
import * as autograd from '@tessera/autograd';
import * as debug from '@tessera/autograd/debug';
import * as nn from '@tessera/autograd/nn';
import * as optim from '@tessera/autograd/optim';
import * as core from '@tessera/tensor';
import * as extend from '@tessera/tensor/extend';
import * as linalg from '@tessera/tensor/linalg';
import { lineOf, plainCode } from './plain-code.ts';
import { format } from 'node-inspect-extracted';
import type { CodeProblem } from '../code-messages.ts';

/** The name of the code in traces of errors. */
const SOURCE = 'studio-code.js';

/** Makes a function that may wait, in the global scope, where nothing of this file is in sight. */
const AsyncFunction = (async () => {}).constructor as new (
  ...parts: readonly string[]
) => (...values: readonly unknown[]) => Promise<void>;

/** Lines that stand before the body of such a function. */
const LINES_BEFORE = 2;

/** Lines of output that are kept. */
const MOST_PRINTED = 200;

/** A function of trees of tensors, as the code gives it. */
export type Inspected = (...args: readonly unknown[]) => unknown;

/** What the code asks to look at. */
export interface Asked {
  readonly f: Inspected;
  readonly args: readonly unknown[];
}

/** Code that ran: what it asked for, and what it printed. */
export interface Evaluated {
  readonly asked: Asked | null;
  readonly printed: readonly string[];
}

type Names = Readonly<Record<string, unknown>>;

const MODULES: Readonly<Record<string, Names>> = {
  '@tessera/dit': dit,
  '@tessera/autograd/debug': debug,
  '@tessera/autograd/optim': optim,
  '@tessera/autograd/nn': nn,
  '@tessera/autograd': autograd,
  '@tessera/tensor/linalg': linalg,
  '@tessera/tensor/extend': extend,
  '@tessera/tensor': core,
};

// So many that the frames of the engine leave some for the code.
Object.assign(Error, { stackTraceLimit: 100 });

/**
 * Runs code to its end. It may wait for promises.
 *
 * @param favoured the module whose names count where several modules have the same
 */
export async function evaluate(code: string, favoured: string | null = null): Promise<Evaluated> {
  let asked: Asked | null = null;
  const printed: string[] = [];
  const print = (...values: readonly unknown[]): void => {
    if (printed.length < MOST_PRINTED) printed.push(format(...values));
  };
  const show = (label: string, value: unknown): void => {
    if (value !== undefined) print(`${label} →`, value);
  };
  const look = (f: unknown, ...args: readonly unknown[]): void => {
    if (typeof f !== 'function') {
      throw new TypeError(`look takes a function and its arguments, but got ${core.kindOf(f)}.`);
    }
    asked = { f: f as Inspected, args };
  };
  const record = (f: Inspected, ...args: readonly unknown[]): unknown => {
    look(f, ...args);
    return autograd.record(f, ...args);
  };
  const console = { log: print, info: print, warn: print, error: print, table: print };
  const modules = { ...MODULES, '@tessera/autograd': { ...autograd, record } };
  const own = favoured === null ? {} : modules[favoured as keyof typeof modules];
  const scope = Object.assign({}, ...Object.values(modules), own, {
    look,
    named,
    console,
  }) as Names;
  const body = await plainCode(code, Object.keys(modules));
  const names = [...Object.keys(scope), '$modules', '$show'];
  // A name that code declares itself hides ours, since it stands in a block of its own.
  const text = `'use strict'; { ${body}\n}\n//# sourceURL=${SOURCE}`;
  const run = new AsyncFunction(names.join(), text);
  await run(...Object.values(scope), modules, show);
  return { asked, printed };
}

/** Gives what `body` does a name on the tape, on which it folds like a module. */
function named<T>(name: string, body: () => T): T {
  const scope = new extend.Scope({}, extend.currentScope(), () => ({ name, type: 'part' }));
  return extend.withScope(scope, body);
}

/** What was thrown, with the line of the code that it came from. */
export function problemOf(error: unknown, printed: readonly string[]): CodeProblem {
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const ran = new RegExp(`${SOURCE}:(\\d+)`).exec(stack)?.[1];
  const line = ran === undefined ? lineOf(error) : Number(ran) - LINES_BEFORE;
  const isSyntax = error instanceof SyntaxError;
  return { kind: 'problem', name, message, line, isSyntax, printed };
}
