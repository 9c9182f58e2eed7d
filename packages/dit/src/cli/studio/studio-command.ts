// The command `tessera studio`: serves its pages until Ctrl-C.

import { ValueError } from '@tessera/tensor';
import { readRunConfig } from '../../run/run-folder.ts';
import { serveSite, type SiteServer } from './serve-site.ts';
import { shippedRun, siteFolder } from './site-folder.ts';
import type { StudioArguments } from './studio-options.ts';

/** The port without `--port`. If it is taken, any free one is. */
const USUAL_PORT = 4750;

/**
 * Serves the pages, and writes their address.
 *
 * @returns the server, once it answers
 * @throws ValueError if the folder of the run holds none, or the port cannot be had; StateError without built pages
 */
export async function studioCommand(
  { run, port, open: opens = false }: StudioArguments,
  write: (line: string) => void,
): Promise<SiteServer> {
  if (run !== undefined) await readRunConfig(run);
  const lent = run ?? shippedRun();
  const server = await startServer(siteFolder(), lent, port);
  const weights =
    lent === null ? 'no weights: name a run by --run' : (run ?? 'the shipped weights');
  write(`Tessera Studio: ${server.address} (${weights}; Ctrl-C ends it)`);
  if (opens) {
    const { default: open } = await import('open');
    await open(server.address);
  }
  return server;
}

async function startServer(
  site: string,
  run: string | null,
  port: number | undefined,
): Promise<SiteServer> {
  try {
    return await serveSite(site, run, port ?? USUAL_PORT);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' && port === undefined) return serveSite(site, run, 0);
    const problem = code === 'EADDRINUSE' ? 'is taken' : `cannot be had (${message})`;
    throw new ValueError(
      'studio',
      `port ${port ?? USUAL_PORT} ${problem}. Name another by --port.`,
    );
  }
}
