/** The built pages of the studio, and a browser that opens them: what all tests of rooms share. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { chromium, type Browser, type Page, type Response } from 'playwright-core';
import { findChromium } from '../browser/chromium.ts';
import { ORDINARY } from '../browser/pages.ts';
import { serveSite, type Site } from '../browser/site.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the pages are made of. */
const SOURCES = [
  'packages/tensor/src',
  'packages/tensor/threads',
  'packages/autograd/src',
  'packages/dit/src',
  'packages/studio',
  'docs/tour',
];

/** Without their files the page is the same. */
const FOREIGN = /(?:^|\/)(?:node_modules|dist)(?:\/|$)/;

function digestOfSources(): string {
  const hash = createHash('sha256');
  for (const folder of SOURCES) {
    const files = readdirSync(root + folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !FOREIGN.test(entry.parentPath.slice(root.length)))
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort())
      hash.update(file.slice(root.length)).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The folder of the pages as the sources make them. They are built once, and reused until a source changes. */
function builtStudio(): string {
  const folder = join(tmpdir(), `tessera-studio-${digestOfSources()}`);
  if (existsSync(folder)) return folder;
  const studio = `${root}packages/studio/`;
  const outDir = mkdtempSync(join(tmpdir(), 'tessera-studio-build-'));
  // A process of its own, since vitest sets variables that make other pages.
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const options = [
    '--config',
    `${studio}vite.config.ts`,
    '--outDir',
    outDir,
    '--logLevel',
    'error',
  ];
  execFileSync(process.execPath, [vite, 'build', studio, '--emptyOutDir', ...options], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(join(outDir, 'run'), { recursive: true, force: true });
  try {
    renameSync(outDir, folder);
  } catch {
    rmSync(outDir, { recursive: true }); // another test has built the same
  }
  return folder;
}

/** What Chromium writes where a page asks for WebGPU and there is none. */
const NO_ADAPTER = 'No available adapters.';

/** An open browser on the pages. */
export interface OpenStudio {
  readonly browser: Browser;
  readonly origin: string;
  /** Opens a page, such as `#/draw?seed=3`. The lists grow with what it complains about, and what it loads. */
  open(
    hash: string,
    width?: number,
  ): Promise<{ readonly page: Page; readonly complaints: string[]; readonly loaded: Response[] }>;
  close(): Promise<void>;
}

/** Serves the pages with the headers of the site, or without them, and with more files by their paths. */
export function serveStudio(
  fetchable: ReadonlyMap<string, Uint8Array>,
  isolated = true,
): Promise<Site> {
  const folder = builtStudio();
  const { all, below } = JSON.parse(readFileSync(join(folder, 'headers.json'), 'utf8')) as {
    readonly all: Readonly<Record<string, string>>;
    readonly below: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
  const headers = isolated ? { headers: all, below } : { headers: {} };
  return serveSite(folder, isolated, { fetchable, ...headers });
}

/**
 * Serves the pages and opens a browser.
 *
 * @param fetchable more files by their paths, such as those of a run
 * @param isolated whether the server sends the headers of the site
 * @param flags of the browser; default those of one that has no GPU
 */
export async function openStudio(
  fetchable: ReadonlyMap<string, Uint8Array>,
  isolated = true,
  flags: readonly string[] = ORDINARY.flags,
): Promise<OpenStudio> {
  const site = await serveStudio(fetchable, isolated);
  const browser = await chromium.launch({
    executablePath: findChromium() ?? '',
    args: [...flags],
  });
  return {
    browser,
    origin: site.origin,
    open: async (hash, width = 1200) => {
      const page = await browser.newPage({ viewport: { width, height: 900 } });
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.text() !== NO_ADAPTER) complaints.push(message.text());
      });
      const loaded: Response[] = [];
      page.on('response', (response) => loaded.push(response));
      page.on('pageerror', ({ message }) => complaints.push(message));
      await page.goto(`${site.origin}/index.html${hash}`);
      return { page, complaints, loaded };
    },
    close: async () => {
      await browser.close();
      await site.close();
    },
  };
}

/**
 * How wide a page is laid out in a window of a width, and what axe finds serious on it: in light where it is narrow, in
 * dark where it is wide.
 */
export async function looksAt(
  page: Page,
  width: number,
): Promise<{ readonly width: unknown; readonly problems: readonly string[] }> {
  await page.setViewportSize({ width, height: 900 });
  const laidOut = await page.evaluate('document.documentElement.scrollWidth');
  await page.emulateMedia({ colorScheme: width < 800 ? 'light' : 'dark' });
  return { width: laidOut, problems: await seriousProblems(page) };
}

/** What axe finds serious or critical on a page, one text each. */
async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}
