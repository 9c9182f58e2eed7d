import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';

/**
 * Scripts and workers of the site's own files and WebAssembly, and nothing else: neither `eval` nor
 * inline code.
 */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; base-uri 'none'; form-action 'none'";

/** The same, and requests to the site itself. */
const FETCHING_POLICY = `${POLICY}; connect-src 'self'`;

/** What makes pages cross-origin isolated, so that their threads may share memory. */
const ISOLATION: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** What scripts of the site may ask of it beside its own files; with any of it, its policy lets them. */
export interface Services {
  /** More files, by the paths of their addresses. */
  readonly fetchable?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Headers in place of the policy, and of those that isolate. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers of files whose paths begin so, in place of those with the same names. */
  readonly below?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Receives the text of each request that posts. */
  readonly receive?: (text: string) => void;
}

/** A running web server. */
export interface Site {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Serves a folder on a free port of this machine, every file under a strict Content-Security-Policy.
 *
 * @param isolated Whether its pages are cross-origin isolated.
 * @param services What its scripts may ask of it; default nothing.
 */
export async function serveSite(
  folder: string,
  isolated: boolean,
  { fetchable = new Map(), receive, headers: own, below = {} }: Services = {},
): Promise<Site> {
  const policy = fetchable.size > 0 || receive !== undefined ? FETCHING_POLICY : POLICY;
  const files = new Map<string, Uint8Array>([
    ...fetchable,
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(join(folder, file)).isFile())
      .map((file) => [`/${file}`, readFileSync(join(folder, file))] as const),
  ]);
  const server = createServer((request, response) => {
    if (request.method === 'POST') void text(request).then(receive);
    const [path] = (request.url ?? '/').split('?');
    const file = files.get(path);
    const usual = { 'content-security-policy': policy, ...(isolated ? ISOLATION : {}) };
    const special = Object.entries(below).find(([start]) => path.startsWith(start))?.[1];
    for (const [name, value] of Object.entries({ ...(own ?? usual), ...special })) {
      response.setHeader(name, value);
    }
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
    // A browser asks every site for an icon; that this one has none is no failure.
    response.statusCode = file === undefined ? (path === '/favicon.ico' ? 204 : 404) : 200;
    response.end(file);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
