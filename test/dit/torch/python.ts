/** A Python with torch, and processes of it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const NO_TORCH =
  'no Python with torch and numpy was found: set TESSERA_PYTHON, or install python3-torch';

/**
 * The first of `TESSERA_PYTHON`, `python3` and `/usr/bin/python3` that has torch; `null` without one.
 *
 * @throws Error with `CI` set, instead of giving `null`.
 */
function pythonWithTorch(): string | null {
  const { TESSERA_PYTHON, CI = '' } = process.env;
  const found = (
    TESSERA_PYTHON === undefined ? ['python3', '/usr/bin/python3'] : [TESSERA_PYTHON]
  ).find((python) => {
    try {
      // Asks where the modules are, which takes a tenth of the time of importing them.
      const ask =
        'import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ("torch", "numpy"))))';
      execFileSync(python, ['-c', ask], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  if (CI !== '' && CI !== 'false')
    throw new Error(`${NO_TORCH}. With CI set, its tests may not be skipped.`);
  return null;
}

/** The Python of these tests. */
export const python: string | null = pythonWithTorch();

/** What stands over the tests with PyTorch: why they are skipped, if they are. */
export const heading: string = python === null ? `PyTorch: ${NO_TORCH}` : 'PyTorch';

/** The folder of the programs that an export copies. */
export const programs: string = fileURLToPath(
  new URL('../../../packages/dit/python', import.meta.url),
);

/** Starts the Python of these tests, at the head of a group of processes. */
export function startPython(...args: string[]): ChildProcess {
  return spawn(python ?? 'python3', args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' },
  });
}

/** How a process ended. */
export interface PythonEnding {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits until a process has ended. */
export function ended(child: ChildProcess): Promise<PythonEnding> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
