import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const loader = createRequire(import.meta.url).resolve('tsx');
const main = fileURLToPath(new URL('../../../packages/dit/src/cli/main.ts', import.meta.url));

/** How a real process ended. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The arguments of a `node` that runs `tessera` with these. */
export function nodeArguments(...args: string[]): string[] {
  return ['--conditions=tessera-source', '--import', pathToFileURL(loader).href, main, ...args];
}

/** Runs `tessera` with these arguments in a folder, until the process ends. */
export function runTessera(folder: string, ...args: string[]): Promise<Ending> {
  const child = spawn(process.execPath, nodeArguments(...args), {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
