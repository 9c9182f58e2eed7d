// Serves the built studio as its command does, and opens it in Chromium, each time with an empty cache.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../../test/browser/chromium.ts';
import { ORDINARY } from '../../test/browser/pages.ts';

/** The command as it is installed. */
const TESSERA = fileURLToPath(new URL('../../packages/dit/bin/tessera.js', import.meta.url));

/** A running server and a browser. */
export interface Studio {
  /**
   * Opens a page that has nothing in its cache, such as `#/draw?steps=20`, calls `look`, and closes it.
   *
   * @param flags of a browser of its own; default none, and the common one
   */
  visit<Seen>(
    hash: string,
    look: (page: Page, address: string) => Promise<Seen>,
    flags?: readonly string[],
  ): Promise<Seen>;
  close(): Promise<void>;
}

/**
 * Starts both.
 *
 * @param run folder of a run; without one the shipped weights
 * @throws Error if there is no Chromium, or the command ends before it serves
 */
export async function openStudio(run: string | undefined): Promise<Studio> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error(NO_CHROMIUM);
  const options = run === undefined ? [] : ['--run', run];
  const server = spawn(process.execPath, [TESSERA, 'studio', '--port', '0', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await Promise.race([
    once(createInterface(server.stdout), 'line'),
    once(server, 'exit').then(() => ['']),
  ])) as [string];
  const origin = /http:\/\/\S+/.exec(line)?.[0];
  if (origin === undefined) throw new Error('tessera studio did not start.');
  const launch = (flags: readonly string[]): Promise<Browser> =>
    chromium.launch({ executablePath, args: [...ORDINARY.flags, ...flags] });
  const browser = await launch([]);
  return {
    visit: async (hash, look, flags = []) => {
      const own = flags.length === 0 ? null : await launch(flags);
      const context = await (own ?? browser).newContext();
      try {
        return await look(await context.newPage(), origin + hash);
      } finally {
        await context.close();
        await own?.close();
      }
    },
    close: async () => {
      await browser.close();
      server.kill();
    },
  };
}
