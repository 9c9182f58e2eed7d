// Reports on a run: what its folder tells of the training, as one document with pictures.

import { mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { checkOptions, ValueError } from '@tessera/tensor';
import { checkText } from '../config/argument-check.ts';
import type { TrainConfig } from '../config/config.ts';
import { drawLineChart } from '../pictures/line-chart.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { nameFile } from '../run/file-error.ts';
import { chartsOf } from './charts.ts';
import { configDifferences } from './config-difference.ts';
import { heading, paragraph, table, type Part, type PicturePart } from './document.ts';
import { digits, findingsOf, median, updateRatio } from './findings.ts';
import { toHtml } from './html.ts';
import { leavesByPath } from './leaves.ts';
import { toMarkdown } from './markdown.ts';
import { readRecord, SCORES_FILE, stagesOf, type RunRecord } from './run-record.ts';

/** The options of {@link reportRun}. */
export interface ReportOptions {
  /** The folder of the run. It need not be finished. */
  readonly run: string;
  /** The folder of a run to compare with: its curves stand beside, and its settings where they differ. */
  readonly against?: string;
  /**
   * The file to write: `.html`, which holds its pictures, or `.md`, whose pictures lie in a folder beside it.
   * Default: `report.html` in the folder of the run.
   */
  readonly out?: string;
}

/**
 * Writes a report on a run: what is odd about it (loss spikes, exploding norms, dead gradients, steps too large
 * or too small), curves of loss, gradient, learning rate, throughput and memory, the gradients and updates of each
 * module, samples along the way, scores, and the settings. Scores are those of `tessera evaluate --json`, if they
 * are kept in the folder as `evaluation.json`.
 *
 * @returns the file
 * @throws ValueError if there is no run, or the file cannot be written; FormatError if a file of the run is damaged
 * @example
 * // not run: needs a trained run
 * await reportRun({ run: 'runs/second', against: 'runs/first', out: 'second.html' });
 */
export async function reportRun(options: ReportOptions): Promise<string> {
  checkOptions('report', options, ['run', 'against', 'out']);
  const { run, against } = options;
  checkText('report', 'run', run);
  if (against !== undefined) checkText('report', 'against', against);
  const { out = join(run, 'report.html') } = options;
  checkText('report', 'out', out);
  const kind = extname(out).toLowerCase();
  if (kind !== '.html' && kind !== '.md') {
    throw new ValueError('report', `${out} must end in .html or .md. Name another file by --out.`);
  }
  const own = await readRecord(run);
  const other = against === undefined ? undefined : await readRecord(against);
  const parts = await partsOf(own, other);
  if (kind === '.html') await writeFileAtomic(out, await toHtml(`Report on ${run}`, parts, dataOf));
  else await writeMarkdown(out, parts);
  return out;
}

async function partsOf(own: RunRecord, other: RunRecord | undefined): Promise<Part[]> {
  return [
    heading(1, `Report on ${own.folder}`),
    paragraph(summaryOf(own.config)),
    ...findings(own),
    ...progress(own, other),
    ...(await curves(own, other)),
    ...modules(own),
    ...scores(own, other),
    ...pictures(own),
    ...settings(own, other),
  ];
}

/** One sentence about a run. */
function summaryOf({
  preset,
  model,
  diffusion,
  steps,
  batch,
  seed,
  backend,
  data,
}: TrainConfig): string {
  return `Preset ${preset}, design ${model.design}, ${model.depth} blocks of width ${model.hiddenSize}, objective ${diffusion.objective}; ${steps} steps of ${batch} latents, seed ${seed}, backend ${backend}, data ${data}.`;
}

function findings(own: RunRecord): Part[] {
  const found = stagesOf(own).flatMap(({ stage, rows }) => findingsOf(stage, rows));
  const items = found.map(({ stage, text }) => `${stage}: ${text}`);
  return [
    heading(2, 'What to look at'),
    items.length === 0
      ? paragraph('Nothing is odd: no spikes, no exploding norm, no dead gradient.')
      : { kind: 'list', items },
  ];
}

/** How far each stage has come. */
function progress(own: RunRecord, other: RunRecord | undefined): Part[] {
  const rows = (other === undefined ? [own] : [own, other]).flatMap((record) =>
    stagesOf(record).map(({ stage, rows: logged }) => {
      const { steps, autoencoder } = record.config;
      const last = logged[logged.length - 1];
      const tail = logged.slice(-Math.ceil(logged.length / 10));
      const ofAutoencoder = stage === 'autoencoder' ? autoencoder?.steps : undefined;
      const speed = median(logged.map(({ imagesPerSecond }) => imagesPerSecond));
      const loss = median(tail.map((row) => row.loss));
      const total = ofAutoencoder ?? steps;
      return [record.folder, stage, `${last.step} of ${total}`, digits(loss), digits(speed)];
    }),
  );
  const columns = ['run', 'stage', 'steps', 'loss of the last tenth (median)', 'images a second'];
  return [heading(2, 'How far'), table(columns, rows)];
}

async function curves(own: RunRecord, other: RunRecord | undefined): Promise<Part[]> {
  const parts: Part[] = [];
  for (const { stage } of stagesOf(own)) {
    parts.push(heading(2, `Curves of the ${stage}`));
    for (const { name, title, chart } of chartsOf(stage, own, other)) {
      const png = await drawLineChart(chart);
      parts.push({ kind: 'picture', title, source: { kind: 'drawn', name, png } });
    }
  }
  return parts;
}

/** The modules of each stage at the last look. */
function modules(own: RunRecord): Part[] {
  return stagesOf(own).flatMap(({ stage, rows }): Part[] => {
    const last = rows.findLast((row) => row.modules !== undefined);
    const norms = Object.entries(last?.modules ?? {});
    if (last === undefined || norms.length === 0) return [];
    const lines = norms.map(([name, each]) => {
      const ratio = updateRatio(each);
      const { gradNorm, weightNorm } = each;
      return [
        name,
        digits(gradNorm),
        digits(weightNorm),
        Number.isNaN(ratio) ? '–' : digits(ratio),
      ];
    });
    const columns = ['module', 'norm of the gradient', 'norm of the weights', 'update by weights'];
    return [heading(2, `Modules of the ${stage} at step ${last.step}`), table(columns, lines)];
  });
}

function scores(own: RunRecord, other: RunRecord | undefined): Part[] {
  const [ours, theirs] = [numbersOf(own.scores), numbersOf(other?.scores)];
  if (ours.size === 0) return [];
  const rows = [...ours].map(([path, value]) => [
    path,
    digits(value),
    ...(theirs.size === 0 ? [] : [theirs.has(path) ? digits(theirs.get(path) ?? NaN) : '']),
  ]);
  const columns = ['score', own.folder, ...(theirs.size === 0 ? [] : [other?.folder ?? ''])];
  return [
    heading(2, 'Scores'),
    paragraph(`From ${SCORES_FILE}, which tessera evaluate --json wrote.`),
    table(columns, rows),
  ];
}

/** The numbers of a value, by path. */
function numbersOf(value: unknown): ReadonlyMap<string, number> {
  return new Map(
    leavesByPath(value).flatMap(([path, leaf]): [string, number][] =>
      typeof leaf === 'number' ? [[path, leaf]] : [],
    ),
  );
}

function pictures({ folder, pictures: found }: RunRecord): Part[] {
  if (found.length === 0) return [];
  return [
    heading(2, 'Samples along the way'),
    ...found.map(({ file, title }): Part => ({
      kind: 'picture',
      title,
      source: { kind: 'file', path: join(folder, file) },
    })),
  ];
}

function settings(own: RunRecord, other: RunRecord | undefined): Part[] {
  if (other === undefined) {
    return [
      heading(2, 'Settings'),
      paragraph(`All settings are in ${join(own.folder, 'config.json')}.`),
    ];
  }
  const differences = configDifferences(own.config, other.config);
  return [
    heading(2, 'Settings that differ'),
    differences.length === 0
      ? paragraph('None: the configurations are the same.')
      : table(
          ['setting', own.folder, other.folder],
          differences.map(({ path, values }) => [path, ...values]),
        ),
  ];
}

async function dataOf({ source }: PicturePart): Promise<Uint8Array> {
  if (source.kind === 'drawn') return source.png;
  try {
    return await readFile(source.path);
  } catch (error) {
    throw nameFile('report', source.path, 'read', error);
  }
}

/** Writes the document, and the pictures drawn for it into a folder beside it. */
async function writeMarkdown(out: string, parts: readonly Part[]): Promise<void> {
  const folder = `${basename(out, extname(out))}-pictures`;
  const beside = join(dirname(out), folder);
  try {
    await mkdir(beside, { recursive: true });
  } catch (error) {
    throw nameFile('report', beside, 'written', error);
  }
  for (const part of parts) {
    if (part.kind !== 'picture' || part.source.kind !== 'drawn') continue;
    await writeFileAtomic(join(beside, `${part.source.name}.png`), part.source.png);
  }
  const pathOf = ({ source }: PicturePart): string =>
    source.kind === 'drawn'
      ? `${folder}/${source.name}.png`
      : relative(dirname(out), source.path).replaceAll('\\', '/');
  await writeFileAtomic(out, toMarkdown(parts, pathOf));
}
