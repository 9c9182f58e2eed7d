// A contender in a process of its own, asked over stdin.

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Replies, Request } from '../contenders/messages.ts';
import { isPython, type ContenderName, type PythonContender } from '../contenders/names.ts';
import { packageFolder } from './package-folder.ts';

/** Characters of a process' last words that an error repeats. */
const LAST_WORDS = 200;

/** How a contender's process is started. */
export interface StartOptions {
  readonly threads: number;
  /** Seconds to wait for an answer. */
  readonly timeout: number;
  /** The Python that has torch. */
  readonly python: string;
}

/** What pytorch.py is told of each of its contenders: a device, and whether it compiles. */
const TORCH_MODES: Readonly<Record<PythonContender, readonly string[]>> = {
  pytorch: ['cpu', 'eager'],
  'pytorch-compile': ['cpu', 'compile'],
  'pytorch-cuda': ['cuda', 'eager'],
};

/** What Node runs for a contender: what is built if this is, else the sources with the same loader. */
function ownProgram(folder: URL): string[] {
  const isBuilt = import.meta.url.endsWith('.js');
  const file = isBuilt ? 'dist/contenders/main.js' : 'contenders/main.ts';
  return [...(isBuilt ? [] : process.execArgv), fileURLToPath(new URL(file, folder))];
}

/** A process that answers requests one at a time. */
export class ContenderProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #timeout: number;
  #pending: { readonly id: number; settle(reply: unknown): void } | null = null;
  #nextId = 0;
  #lastWords = '';
  readonly #ended: Promise<never>;

  constructor(name: ContenderName, { threads, timeout, python }: StartOptions) {
    this.#timeout = timeout;
    const folder = packageFolder();
    const script = fileURLToPath(new URL('contenders/pytorch.py', folder));
    const [command, args] = isPython(name)
      ? [python, [script, String(threads), ...TORCH_MODES[name]]]
      : [process.execPath, [...ownProgram(folder), name]];
    this.#child = spawn(command, args, { stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-20 * LAST_WORDS);
    });
    // A request that no one reads any more; the end of the process says so.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line));
    this.#ended = new Promise((_, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => reject(new Error(this.#epitaph(code, signal))));
    });
    this.#ended.catch(() => undefined);
  }

  /** Sends a request and waits for its reply. Throws if the process ends or takes too long. */
  async ask<R extends Request>(request: R): Promise<Replies[R['type']]> {
    const id = this.#nextId++;
    const reply = new Promise<Replies[R['type']]>((resolve) => {
      this.#pending = { id, settle: (value) => resolve(value as Replies[R['type']]) };
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const complain = (): void => reject(new Error(`no answer in ${this.#timeout} s`));
      timer = setTimeout(complain, this.#timeout * 1000);
    });
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    try {
      return await Promise.race([reply, this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #read(line: string): void {
    if (!line.startsWith('{"id":')) return;
    const reply = JSON.parse(line) as { readonly id: number };
    if (reply.id === this.#pending?.id) this.#pending.settle(reply);
  }

  /** Why it ended: the line of an error if there is one, else code or signal. */
  #epitaph(code: number | null, signal: string | null): string {
    const error = errorLine(this.#lastWords);
    return `ended with ${signal ?? `code ${code}`}${error === null ? '' : `: ${error}`}`;
  }
}

/** The last line that names an error, `torch.OutOfMemoryError: …`, cut to a length; `null` if none does. */
export function errorLine(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const line = lines.findLast((each) => /^[\w.]*(?:error|exception)\b/i.test(each));
  return line?.slice(0, LAST_WORDS) ?? null;
}
