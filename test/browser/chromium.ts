import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Names under which Chromium and its siblings are installed. */
const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** Where macOS keeps what no PATH leads to. */
const APPLICATIONS: readonly string[] = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Why tests in a browser cannot run, and what to do. */
export const NO_CHROMIUM =
  'no Chromium found: install it (on Debian, apt-get install chromium), or set CHROMIUM_PATH';

/** Where a browser is looked for. */
export interface BrowserSearch {
  /** The variable of the environment that names its program. */
  readonly variable: string;
  /** Names of its programs, the preferred one first. */
  readonly commands: readonly string[];
  /** Paths of programs that no PATH leads to. */
  readonly applications?: readonly string[];
  /** Why its tests cannot run, and what to do. */
  readonly missing: string;
}

/**
 * The browser that tests run in: `CHROMIUM_PATH`, or the first Chromium or Chrome on this machine.
 * `null` where there is none, which skips these tests.
 *
 * @param env The environment to look in.
 * @param applications Where else a browser may be.
 * @throws Error if `CHROMIUM_PATH` names no program, and, with `CI` set, instead of giving `null`.
 */
export function findChromium(
  env: NodeJS.ProcessEnv = process.env,
  applications: readonly string[] = APPLICATIONS,
): string | null {
  const search = { variable: 'CHROMIUM_PATH', commands: COMMANDS, applications };
  return findBrowser({ ...search, missing: NO_CHROMIUM }, env);
}

/**
 * The program that a variable names, or the first of some commands on this machine; `null` where there is none.
 *
 * @throws Error if the variable names no program, and, with `CI` set, instead of giving `null`
 */
export function findBrowser(
  { variable, commands, applications = [], missing }: BrowserSearch,
  env: NodeJS.ProcessEnv,
): string | null {
  const { [variable]: chosen = '', CI = '', PATH = '' } = env;
  if (chosen !== '') {
    if (isExecutable(chosen)) return chosen;
    throw new Error(`${variable} is ${chosen}, which is no program.`);
  }
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  const candidates = commands.flatMap((command) => folders.map((folder) => join(folder, command)));
  const found = [...candidates, ...applications].find(isExecutable) ?? null;
  if (found === null && CI !== '' && CI !== 'false') {
    throw new Error(`${missing}. With CI set, its tests may not be skipped.`);
  }
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
