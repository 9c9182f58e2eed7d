// Finds Firefox and opens a page in it, without a driver: the page posts what it has to say.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveSite } from '../../test/browser/site.ts';

/** Names under which it is installed, and where macOS keeps it. */
const COMMANDS = ['firefox', 'firefox-esr', '/Applications/Firefox.app/Contents/MacOS/firefox'];

/** What a program prints when it is asked for its version, `Mozilla Firefox 153.0`; `null` if it is not there. */
export function versionOf(command: string): string | null {
  const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** The first Firefox on this machine: `FIREFOX_PATH`, or one of the usual names. */
export function findFirefox(env: NodeJS.ProcessEnv = process.env): string | null {
  const { FIREFOX_PATH: chosen = '' } = env;
  const candidates = chosen === '' ? COMMANDS : [chosen];
  return candidates.find((command) => versionOf(command) !== null) ?? null;
}

/** How a page is opened. */
export interface Visit {
  readonly firefox: string;
  /** The site, which is cross-origin isolated. */
  readonly folder: string;
  /** The page in it, with its query. */
  readonly page: string;
  readonly timeoutMs: number;
}

/**
 * Opens a page in headless Firefox, with a profile of its own, until it posts.
 *
 * @returns the body of its request
 * @throws Error if Firefox ends before, or the time is over
 */
export async function visitInFirefox({ firefox, folder, page, timeoutMs }: Visit): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'tessera-firefox-'));
  let receive: (text: string) => void = () => undefined;
  const posted = new Promise<string>((resolve) => {
    receive = resolve;
  });
  const site = await serveSite(folder, true, { receive });
  const args = ['--headless', '--no-remote', '--profile', profile, `${site.origin}/${page}`];
  const child = spawn(firefox, args, { stdio: 'ignore', timeout: timeoutMs });
  const ended = new Promise<null>((resolve) => {
    child.once('close', () => resolve(null));
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
  });
  try {
    const text = await Promise.race([posted, ended, failed]);
    if (text !== null) return text;
    throw new Error(
      `${firefox} ended, at the latest after ${timeoutMs} ms, before ${page} reported`,
    );
  } finally {
    child.kill();
    await Promise.race([ended, failed.catch(() => undefined)]);
    await site.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
