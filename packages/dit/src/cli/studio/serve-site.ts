// Serves the pages of the studio on this machine alone, and lends them a run.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sirv from 'sirv';

/** `headers.json` of the site: the headers of all files, and others by the beginnings of paths. */
interface SiteHeaders {
  readonly all: Readonly<Record<string, string>>;
  readonly below: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Where a run lies beside the pages. */
const RUN = '/run/';

/** A running server. */
export interface SiteServer {
  /** `http://127.0.0.1:PORT/` */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves a site on 127.0.0.1, and below `/run/` the files of a run, which a training may still write. Nobody can change
 * anything: other methods than GET and HEAD are refused. Other names of this machine are refused too, so that a page
 * from elsewhere cannot read the run by a name that leads here.
 *
 * @param site folder of the built pages
 * @param run folder of a run, or `null` for none
 * @param port 0 for any free one
 * @throws the error of Node if the port is taken
 */
export async function serveSite(
  site: string,
  run: string | null,
  port: number,
): Promise<SiteServer> {
  const { all, below } = JSON.parse(
    readFileSync(join(site, 'headers.json'), 'utf8'),
  ) as SiteHeaders;
  const pages = sirv(site, { etag: true, maxAge: 0 });
  const runFiles = run === null ? null : sirv(run, { dev: true, etag: true });
  const server = createServer((request, response) => {
    const path = pathOf(request);
    const own = Object.entries(below).find(([start]) => path?.startsWith(start) === true);
    for (const [name, value] of Object.entries({ ...all, ...own?.[1] })) {
      response.setHeader(name, value);
    }
    const status = refusal(request, path);
    if (status !== null) return end(response, status);
    if (path?.startsWith(RUN) !== true) return pages(request, response);
    request.url = path.slice(RUN.length - 1);
    if (runFiles === null) return end(response, 404);
    return runFiles(request, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${taken}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The path of a request; `null` if it is none. */
function pathOf({ url = '/' }: IncomingMessage): string | null {
  try {
    return decodeURIComponent(url.split('?', 1)[0]);
  } catch {
    return null;
  }
}

/** The status with which a request is refused; `null` if it may be answered. */
function refusal({ method, headers }: IncomingMessage, path: string | null): number | null {
  if (method !== 'GET' && method !== 'HEAD') return 405;
  if (!/^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(headers.host ?? '')) return 403;
  const isHidden = path?.split(/[/\\]/).some((part) => part.startsWith('.')) ?? true;
  return isHidden || path?.includes('\0') === true ? 404 : null;
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}
