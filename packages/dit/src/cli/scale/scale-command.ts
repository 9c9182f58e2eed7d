// `tessera scale`: quality against size, patches, designs and compute, as tables and figures.

import { lawTexts } from '../../scale/document.ts';
import type { ScaleResults } from '../../scale/results.ts';
import { resultsValue, scaleModels } from '../../scale/scale.ts';
import { tableLines } from '../../inspect/table.ts';
import { asArgument, onInterrupt } from '../interrupt.ts';
import { createProgress } from '../progress.ts';
import type { ScaleArguments } from './scale-options.ts';

/**
 * Trains what is not finished, and says what is found.
 *
 * @param print writes one line to stdout
 */
export async function scaleCommand(
  { json = false, sizes, patches, designs, seeds, ...options }: ScaleArguments,
  print: (line: string) => void,
): Promise<void> {
  const { out } = options;
  const progress = createProgress();
  const again = `To go on: tessera scale --out ${asArgument(out)}`;
  const stopListening = onInterrupt(
    progress,
    () => `Stopped. ${out} keeps what is finished. ${again}`,
  );
  try {
    const results = await scaleModels({
      ...options,
      grid: { sizes, patches, designs, seeds },
      onStage: (name, totalSteps) => {
        progress.stage(name, totalSteps);
      },
      onProgress: ({ step, loss }) => {
        progress.step(step, [`loss ${loss.toFixed(4)}`]);
      },
      onNotice: (text) => {
        progress.notice(text);
      },
    });
    progress.stop();
    if (json) print(JSON.stringify(resultsValue(results)));
    else for (const line of resultLines(results, out)) print(line);
  } finally {
    stopListening();
    progress.stop();
  }
}

/** The models and what is fitted. */
function resultLines(results: ScaleResults, out: string): readonly string[] {
  const { models, missing, plan } = results;
  const rows = models.map(({ name, tokens, params, gflops, looks }) => {
    const { fcd, accuracy } = looks[looks.length - 1];
    const read = `${(100 * accuracy).toFixed(1)} %`;
    return [name, tokens, params, gflops.toPrecision(3), fcd.toFixed(2), read];
  });
  const columns = ['model', 'tokens', 'parameters', 'Gflops', 'FCD', 'read as asked'];
  return [
    ...(rows.length === 0 ? [] : [...tableLines(columns, rows), '', ...lawTexts(results)]),
    ...(missing.length === 0
      ? []
      : [`${missing.length} of ${plan.cells.length} trainings are not finished.`]),
    `Tables and figures are in ${out}.`,
  ];
}
