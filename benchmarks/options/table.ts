// The table of options: means and deviations over the seeds, as Markdown.

import type { OptionRow } from './rows.ts';
import { GUIDANCE, type Figures } from './train-row.ts';

/** What the results file keeps of a row and a seed. */
export interface Result extends Figures {
  readonly name: string;
  readonly seed: number;
  readonly preset: string;
  readonly seconds: number;
  readonly count: number;
}

/** The table of all rows that have results, in their order. */
export function optionsTable(
  rows: readonly Pick<OptionRow, 'name' | 'flags'>[],
  results: readonly Result[],
): string {
  const lines = rows.flatMap(({ name, flags }) => {
    const own = results.filter((result) => result.name === name);
    if (own.length === 0) return [];
    const cells = GUIDANCE.flatMap((scale) => {
      const at = own.flatMap(({ guidance }) => guidance.filter((each) => each.scale === scale));
      return [
        spread(
          at.map(({ accuracy }) => accuracy),
          1,
        ),
        spread(
          at.map(({ fcd }) => fcd),
          2,
        ),
      ];
    });
    const steps = Math.round(mean(own.map((result) => result.steps)));
    return [
      `| ${name} | ${flags === '' ? '' : `\`${flags}\``} | ${steps} | ${cells.join(' | ')} |`,
    ];
  });
  return [
    '| row | flags | steps | accuracy, guidance 1 | FCD, guidance 1 | accuracy, guidance 2 | FCD, guidance 2 |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

/** `mean ± deviation`; the mean alone of one value. */
function spread(values: readonly number[], digits: number): string {
  const centre = mean(values);
  if (values.length < 2) return centre.toFixed(digits);
  const variance = mean(values.map((value) => (value - centre) ** 2));
  const deviation = Math.sqrt((variance * values.length) / (values.length - 1));
  return `${centre.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
