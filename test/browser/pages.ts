import { chromium, type Page } from 'playwright-core';
import { serveSite } from './site.ts';

/** What a page said about itself. */
export interface PageReport {
  /** What its `<output>` elements hold, by id. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Messages of the browser: uncaught errors, refused requests, broken policies. */
  readonly complaints: readonly string[];
}

/** Keeps Chromium from calling home. */
const QUIET_FLAGS: readonly string[] = [
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Keeps Chromium from needing a GPU. */
const FLAGS: readonly string[] = [...QUIET_FLAGS, '--disable-gpu'];

/** Gives pages WebGL 2 and WebGPU on a machine without a GPU. */
export const GPU_FLAGS: readonly string[] = [
  ...QUIET_FLAGS,
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** A page that has not reported by then never will. */
const TIMEOUT_MS = 60_000;

/**
 * Opens pages of a site in headless Chromium, with a profile of its own, and waits until each has
 * reported.
 *
 * @param executablePath The browser.
 * @param folder The site, served under a strict Content-Security-Policy.
 * @param pages Their names and the ids of the `<output>` elements that each will have.
 * @param flags Of the browser; default those of one that has no GPU and needs none.
 */
export async function visitPages<Name extends string>(
  executablePath: string,
  folder: string,
  pages: Readonly<Record<Name, readonly string[]>>,
  flags: readonly string[] = FLAGS,
): Promise<Readonly<Record<Name, PageReport>>> {
  const site = await serveSite(folder);
  try {
    const browser = await chromium.launch({
      executablePath,
      args: [...flags],
      timeout: TIMEOUT_MS,
    });
    try {
      const reports: Partial<Record<Name, PageReport>> = {};
      for (const name of Object.keys(pages) as Name[]) {
        const page = await browser.newPage();
        reports[name] = await visitPage(page, `${site.origin}/${name}.html`, pages[name]);
      }
      return reports as Readonly<Record<Name, PageReport>>;
    } finally {
      await browser.close();
    }
  } finally {
    await site.close();
  }
}

async function visitPage(page: Page, url: string, ids: readonly string[]): Promise<PageReport> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  await page.goto(url, { timeout: TIMEOUT_MS });
  const outputs: Record<string, unknown> = {};
  for (const id of ids) {
    const output = page.locator(`output#${id}`);
    await output.waitFor({ state: 'attached', timeout: TIMEOUT_MS });
    const text = (await output.textContent()) ?? '';
    if ((await output.getAttribute('data-state')) !== 'done') {
      throw new Error(`${url}, ${id}: ${text}`);
    }
    outputs[id] = JSON.parse(text);
  }
  return { outputs, complaints };
}
