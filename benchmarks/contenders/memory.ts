// The most memory that this process has had.

import { existsSync, readFileSync } from 'node:fs';

/** Where Linux says it. */
const STATUS = '/proc/self/status';

/**
 * The most memory that this process had resident, in MB. Linux counts in `maxRSS` what the parent had
 * when it started this process, so its own record of this program is read there.
 */
export function peakMemoryMB(): number {
  const status = existsSync(STATUS) ? readFileSync(STATUS, 'utf8') : '';
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return Math.round(Number(kilobytes ?? process.resourceUsage().maxRSS) / 1024);
}
