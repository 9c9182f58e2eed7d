import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A runnable example of a document: a fence marked `ts`. */
export interface Fence {
  readonly line: number;
  readonly code: string;
  /** What it prints: the fence right after it, if that is marked `text` or `mermaid`; else nothing. */
  readonly output: string;
}

/** The runnable fences of a Markdown file, by its path from the root of the repository. */
export function fencesOf(file: string): Fence[] {
  const text = readFileSync(`${root}${file}`, 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```(?:\s*```(?:text|mermaid)\n([\s\S]*?)```)?/g)].map(
    (match) => ({
      line: text.slice(0, match.index).split('\n').length,
      code: match[1],
      output: match[2] ?? '',
    }),
  );
}

/** Runs the code of a fence and gives what it printed. */
export function runFence({ code }: Fence): Promise<string> {
  const { ESNext } = ts.ModuleKind;
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ESNext, target: ts.ScriptTarget.ES2023 },
  });
  return runTypeScript(['--input-type=module', '--eval', outputText]);
}

/** Runs TypeScript on the sources of the packages and gives what it printed. Rejects if it fails. */
export async function runTypeScript(args: readonly string[]): Promise<string> {
  return (await runProcess(args)).stdout;
}

/** As {@link runTypeScript}, with what it wrote to stderr. */
export function runProcess(
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=tessera-source', ...args],
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`exit code ${code}\n${stderr}`));
    });
  });
}
