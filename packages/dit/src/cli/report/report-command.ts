// `tessera report`: writes what the folder of a run tells.

import { reportRun } from '../../report/report.ts';
import type { ReportArguments } from './report-options.ts';

/**
 * Writes the report.
 *
 * @param print writes one line to stdout
 */
export async function reportCommand(
  args: ReportArguments,
  print: (line: string) => void,
): Promise<void> {
  print(`Report: ${await reportRun(args)}`);
}
