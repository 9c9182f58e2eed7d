import { chromium, type Page } from 'playwright-core';
import { serveSite } from './site.ts';

/** What a page said about itself. */
export interface PageReport {
  /** What its `<output>` elements hold, by id. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Messages of the browser: refused requests, broken policies. */
  readonly complaints: readonly string[];
  /** Names of the scripts of workers that it started, without folders and hashes. */
  readonly workers: readonly string[];
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

/** A page that has not reported by then never will. */
const TIMEOUT_MS = 60_000;

/** How the browser is started, how long a page may take, and what it is given. */
export interface VisitOptions {
  readonly flags: readonly string[];
  readonly timeoutMs: number;
  /** The query of its address; default none. */
  readonly query?: Readonly<Record<string, string>>;
  /** What its scripts may fetch, by the paths of their addresses; default nothing. */
  readonly fetchable?: ReadonlyMap<string, Uint8Array>;
}

/** A browser that has no GPU and needs none. */
export const ORDINARY: VisitOptions = { flags: FLAGS, timeoutMs: TIMEOUT_MS };

/**
 * Gives pages WebGL 2 and WebGPU on a machine without a GPU, and the time to compile hundreds of
 * shaders with a software driver.
 */
export const WITH_GPU: VisitOptions = {
  flags: [...QUIET_FLAGS, '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  timeoutMs: 9 * TIMEOUT_MS,
};

/**
 * Opens pages of a site in headless Chromium, with a profile of its own, and waits until each has
 * reported.
 *
 * @param executablePath The browser.
 * @param folder The site, served under a strict Content-Security-Policy.
 * @param pages Their names and the ids of the `<output>` elements that each will have.
 * @param isolated Whether they are cross-origin isolated.
 * @param options Default those of a browser that has no GPU and needs none.
 * @throws Error if a page reports a failure, crashes or leaves an error uncaught.
 */
export async function visitPages<Name extends string>(
  executablePath: string,
  folder: string,
  pages: Readonly<Record<Name, readonly string[]>>,
  isolated: boolean,
  { flags, timeoutMs, query = {}, fetchable }: VisitOptions = ORDINARY,
): Promise<Readonly<Record<Name, PageReport>>> {
  const site = await serveSite(folder, isolated, { fetchable });
  try {
    const browser = await chromium.launch({
      executablePath,
      args: [...flags],
      timeout: timeoutMs,
    });
    try {
      const reports: Partial<Record<Name, PageReport>> = {};
      for (const name of Object.keys(pages) as Name[]) {
        const page = await browser.newPage();
        const url = new URL(`${name}.html`, site.origin);
        url.search = new URLSearchParams(query).toString();
        reports[name] = await visitPage(page, url.href, pages[name], timeoutMs);
      }
      return reports as Readonly<Record<Name, PageReport>>;
    } finally {
      await browser.close();
    }
  } finally {
    await site.close();
  }
}

async function visitPage(
  page: Page,
  url: string,
  ids: readonly string[],
  timeout: number,
): Promise<PageReport> {
  const died = new Promise<never>((_, reject) => {
    page.once('pageerror', ({ message }) => reject(new Error(`${url}: uncaught: ${message}`)));
    page.once('crash', () => reject(new Error(`${url}: the page crashed`)));
  });
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  const workers: string[] = [];
  page.on('worker', (worker) => workers.push(worker.url().replaceAll(/^.*\/|-[\w-]+\.js$/g, '')));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  const outputs = await Promise.race([readOutputs(page, url, ids, timeout), died]);
  return { outputs, complaints, workers };
}

/** What a page reports, once it has. */
async function readOutputs(
  page: Page,
  url: string,
  ids: readonly string[],
  timeout: number,
): Promise<PageReport['outputs']> {
  await page.goto(url, { timeout });
  const outputs: Record<string, unknown> = {};
  for (const id of ids) {
    const output = page.locator(`output#${id}`);
    await output.waitFor({ state: 'attached', timeout });
    const text = (await output.textContent()) ?? '';
    if ((await output.getAttribute('data-state')) !== 'done') {
      throw new Error(`${url}, ${id}: ${text}`);
    }
    outputs[id] = JSON.parse(text);
  }
  return outputs;
}
