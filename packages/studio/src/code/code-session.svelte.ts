// What a room holds of a reader's code: its worker, the last tape, and what the compiler made of it.

import { Engine } from '../engine/engine.svelte.ts';
import type { codeService } from './worker/code-service.ts';
import type {
  BoxFacts,
  CodeProblem,
  CompiledFacts,
  RanFacts,
  RunInput,
  TapeDrawing,
  TapeFacts,
} from './code-messages.ts';
import { layOut } from './graph/layout-client.ts';
import type { Layout } from './graph/layout.ts';

/** Milliseconds after which code that runs is stopped. */
const LIMIT_MS = 30_000;

/** Ends with the page, and not with the room, so that it stays warm. */
let shared: Engine<typeof codeService> | null = null;

function makeWorker(name: string): Worker {
  return new Worker(new URL('./worker/code-worker.ts', import.meta.url), { type: 'module', name });
}

/** A tape as it is drawn. */
export interface Drawn {
  readonly drawing: TapeDrawing;
  readonly layout: Layout;
}

/** The state of the room beside its address. */
export class CodeSession {
  static readonly name: string = 'CodeSession';
  readonly engine: Engine<typeof codeService> = (shared ??= new Engine('code', makeWorker));
  tape: TapeFacts | null = $state.raw(null);
  problem: CodeProblem | null = $state.raw(null);
  /** Why the last run was ended before its time. */
  stopped: string | null = $state(null);
  drawn: Drawn | null = $state.raw(null);
  facts: BoxFacts | null = $state.raw(null);
  compiled: CompiledFacts | CodeProblem | null = $state.raw(null);
  isBusy: boolean = $state(false);
  #limit: ReturnType<typeof setTimeout> | undefined;
  #runs = 0;

  /** Runs code, in place of what runs. Gives what became of it; `null` if it was stopped. */
  async run(input: RunInput): Promise<TapeFacts | RanFacts | CodeProblem | null> {
    // Code cannot be asked to end, so its worker is ended.
    if (this.isBusy || this.engine.lost !== null) this.engine.restart();
    const run = ++this.#runs;
    this.isBusy = true;
    this.stopped = null;
    clearTimeout(this.#limit);
    this.#limit = setTimeout(
      () => this.stop(`It ran for ${LIMIT_MS / 1000} seconds, which is the limit.`),
      LIMIT_MS,
    );
    try {
      const result = await this.engine.call('run', input);
      if (run !== this.#runs) return null;
      this.problem = result.kind === 'problem' ? result : null;
      // A tape stays in sight while code is being mended.
      if (result.kind === 'tape') this.tape = result;
      return result;
    } catch (error) {
      if (run !== this.#runs) return null;
      this.#fail(error);
      return this.problem;
    } finally {
      if (run === this.#runs) this.#rest();
    }
  }

  /** Ends what runs. */
  stop(reason = 'You stopped it.'): void {
    if (!this.isBusy) return;
    this.#runs++;
    this.#rest();
    this.stopped = reason;
    this.engine.restart(reason);
  }

  /** Draws the last tape with some modules open. */
  async draw(open: readonly string[]): Promise<void> {
    const { tape } = this;
    const drawing = await this.#ask(() => this.engine.call('draw', { open }));
    if (drawing === null) return;
    const layout = await layOut(drawing);
    if (this.tape === tape) this.drawn = { drawing, layout };
  }

  /** Learns all about a box that is drawn. */
  async choose(id: string): Promise<void> {
    this.facts = id === '' ? null : await this.#ask(() => this.engine.call('facts', { id }));
  }

  /** Learns what the compiler makes of the last tape's function. */
  async compile(): Promise<void> {
    const { tape } = this;
    const compiled = await this.#ask(() => this.engine.call('compiled', {}));
    if (this.tape === tape) this.compiled = compiled;
  }

  /** A kernel of the compiled function as WebAssembly text; `null` if the worker has gone meanwhile. */
  modules(kernel: number): Promise<string | null> {
    return this.#ask(() => this.engine.call('modules', { kernel }));
  }

  /** Asks about the last tape; `null` if its worker has gone meanwhile. */
  async #ask<T>(call: () => Promise<T>): Promise<T | null> {
    if (this.engine.lost !== null) return null;
    try {
      return await call();
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  #rest(): void {
    clearTimeout(this.#limit);
    this.isBusy = false;
  }

  #fail(error: unknown): void {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    if (name === 'EngineLost' && this.stopped !== null) return;
    this.problem = { kind: 'problem', name, message, line: null, isSyntax: false, printed: [] };
  }
}
