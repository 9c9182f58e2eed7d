// `tessera replay`: repeats a training step that went wrong, and explains it.

import { anomalyLines, formatIndices } from '../../train/anomaly/anomaly-text.ts';
import { replayStep } from '../../train/anomaly/replay.ts';
import type { ReplayArguments } from './report-options.ts';

/**
 * Replays the step of a file and prints what happens in it.
 *
 * @param print writes one line to stdout
 */
export async function replayCommand(
  { file, backend }: ReplayArguments,
  print: (line: string) => void,
): Promise<void> {
  const replayed = await replayStep(file, backend === undefined ? {} : { backend });
  const { stage, step, indices, anomaly, loss, gradNorm } = replayed;
  print(`Step ${step} of the ${stage}, operation by operation on the backend ${replayed.backend}:`);
  if (anomaly === null) {
    print(`  all results are finite here: loss ${loss}, norm of the gradient ${gradNorm}`);
  } else {
    for (const line of anomalyLines(anomaly)) print(line);
  }
  print(`  batch      images ${formatIndices(indices)}`);
}
