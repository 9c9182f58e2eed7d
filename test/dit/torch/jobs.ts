/** Jobs in exported folders, many in one process of Python. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ended, programs, startPython } from './python.ts';

const check = fileURLToPath(new URL('check.py', import.meta.url));

/** What check.py is to do in a folder. */
export type Job = readonly [job: 'gradients' | 'train', folder: string, options: readonly string[]];

/** A copy of an exported folder. */
export async function copyOf(folder: string, name: string, suffix: string): Promise<string> {
  const copy = join(folder, `${name}-${suffix}`);
  await cp(join(folder, `${name}-export`), copy, { recursive: true });
  return copy;
}

/** Does jobs one after the other: their exit codes, and the lines that train.py wrote to stderr. */
export async function runJobs(
  folder: string,
  jobs: readonly Job[],
): Promise<{ readonly codes: readonly number[]; readonly errors: readonly string[] }> {
  const file = join(folder, 'jobs.json');
  await writeFile(file, JSON.stringify(jobs));
  const { code, stdout, stderr } = await ended(startPython(check, programs, file));
  if (code !== 0) throw new Error(`check.py ended with ${code}: ${stderr}`);
  const codes = [...stdout.matchAll(/^exit code (\d)$/gm)].map(([, each]) => Number(each));
  const errors = stderr.split('\n').filter((line) => line.startsWith('train.py: '));
  return { codes, errors };
}
