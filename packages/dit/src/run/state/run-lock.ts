// One process at a time trains in a folder: a file names its owner, and a dead owner's file is taken over.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, rmdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { excerpt, StateError, ValueError } from '@tessera/tensor';
import * as v from 'valibot';
import { writeFileAtomic } from '../atomic-file.ts';
import { fileErrorCode, nameFile } from '../file-error.ts';
import { readText } from '../read-text.ts';
import { makeStateFolder, stateFolder } from './state-folder.ts';

/** The right to write into the folder of a run. */
export interface RunLock {
  /**
   * Looks whether the folder is still ours.
   *
   * @throws StateError if another process has taken it over
   */
  check(): Promise<void>;
  /** Gives the folder free. */
  release(): Promise<void>;
}

/** Who trains in a folder: the content of the lock's file. */
interface Owner {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, in ticks since the machine's start, where the system says it. */
  readonly birth?: string | undefined;
  /** When the folder was locked. */
  readonly since: string;
}

const ownerSchema: v.GenericSchema<unknown, Owner> = v.object({
  id: v.string(),
  host: v.string(),
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  birth: v.exactOptional(v.string()),
  since: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.check((time) => Number.isFinite(Date.parse(time))),
  ),
});

/** Most bytes of the lock's file. A usual one has about 150. */
const LARGEST_LOCK = 2 ** 16;

/** What this process holds. Another owner of the same number is from before a restart of the machine. */
const held = new Set<string>();

/** Milliseconds after which two processes that take over one folder have both seen who was last. */
const SETTLING = 100;

/**
 * Locks the folder of a run for this process.
 *
 * @param onNotice called with a sentence if the lock of a process that has ended is taken over
 * @throws ValueError if another process trains there, or the folder cannot be written
 */
export async function lockRun(run: string, onNotice: (text: string) => void): Promise<RunLock> {
  const path = join(stateFolder(run), 'lock.json');
  const own = thisOwner();
  const text = `${JSON.stringify(own)}\n`;
  held.add(own.id);
  try {
    if (!(await createFile(run, path, text))) await takeOver(run, path, { own, text }, onNotice);
  } catch (error) {
    held.delete(own.id);
    throw error;
  }
  return {
    async check() {
      const owner = await readOwner(path);
      if (owner === undefined || owner.id === own.id) return;
      throw new StateError(
        'train',
        `${run} was taken over by ${named(owner)}. This training ends here and leaves the folder to it.`,
      );
    },
    async release() {
      held.delete(own.id);
      if ((await readOwner(path))?.id !== own.id) return;
      await rm(path, { force: true });
      // The folder stays if it holds states.
      await rmdir(stateFolder(run)).catch(() => undefined);
    },
  };
}

/** Does work in a folder that is locked for its time. */
export async function withRunLock<T>(
  run: string,
  onNotice: (text: string) => void,
  work: (lock: RunLock) => Promise<T>,
): Promise<T> {
  const lock = await lockRun(run, onNotice);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** Creates a file in the folder of states; `false` if it is there already. */
async function createFile(run: string, path: string, text: string): Promise<boolean> {
  await makeStateFolder(run);
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return false;
    throw nameFile('train', path, 'written', error);
  }
}

/** Takes the place of an owner that has ended. Of several processes that do so, the last one has it. */
async function takeOver(
  run: string,
  path: string,
  { own, text }: { readonly own: Owner; readonly text: string },
  onNotice: (text: string) => void,
): Promise<void> {
  let before = await readOwner(path);
  if (before === undefined) {
    // It is being written, or a power cut emptied it.
    await wait(SETTLING);
    before = await readOwner(path);
  }
  if (before !== undefined && isRunning(before)) throw inUse(run, path, before);
  await writeFileAtomic(path, text);
  await wait(SETTLING);
  const now = await readOwner(path);
  if (now !== undefined && now.id !== own.id) throw inUse(run, path, now);
  const whose = before === undefined ? 'a process that' : `${named(before)}, and`;
  onNotice(`${run} was locked by ${whose} has ended. The lock is taken over.`);
}

function inUse(run: string, path: string, owner: Owner): ValueError {
  const hint =
    owner.host === hostname()
      ? 'Wait for it, or stop it first.'
      : `If it has ended, remove ${path}.`;
  return new ValueError('train', `${run} is in use by ${named(owner)}. ${hint}`);
}

/** The owner in words, with the age of its lock. */
function named({ pid, host, since }: Owner): string {
  return `process ${pid} on ${excerpt(host)}, which began ${ageOf(Date.parse(since))}`;
}

/** Seconds of the units that an age is said in, the largest first. */
const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

function ageOf(time: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? UNITS[UNITS.length - 1];
  return new Intl.RelativeTimeFormat('en').format(-Math.floor(seconds / length), unit);
}

function thisOwner(): Owner {
  const { pid } = process;
  const birth = processFacts(pid)?.birth;
  return {
    id: randomBytes(8).toString('hex'),
    host: hostname(),
    pid,
    ...(birth !== undefined && { birth }),
    since: new Date().toISOString(),
  };
}

/** The owner that a file names; `undefined` if it cannot be read as one. */
async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const parsed = v.safeParse(
      ownerSchema,
      JSON.parse(await readText('train', path, LARGEST_LOCK)),
    );
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an owner may still be at work. Of another machine nothing is known, so it may. */
function isRunning({ id, host, pid, birth }: Owner): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(id);
  const facts = processFacts(pid);
  if (facts !== undefined) return facts.isAlive && (birth === undefined || birth === facts.birth);
  try {
    process.kill(pid, 0); // asks, and sends nothing
    return true;
  } catch (error) {
    return fileErrorCode(error) !== 'ESRCH';
  }
}

/**
 * What Linux says of a process: whether it computes, and when it began. A process number is given again, the two
 * together are not. `undefined` if there is no such process, or the system says nothing.
 */
function processFacts(pid: number): { isAlive: boolean; birth: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { isAlive: !/[ZX]/.test(fields[0]), birth: fields[19] };
  } catch {
    return undefined;
  }
}
