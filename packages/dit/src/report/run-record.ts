// What the folder of a run tells of its training: configuration, log, pictures and scores.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '@tessera/tensor';
import { STAGES, type TrainStage } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import { readLog, type LogRow } from '../run/log.ts';
import { readText } from '../run/read-text.ts';
import { readRunConfig, RUN_FILES } from '../run/run-folder.ts';

/** A run as its folder shows it. */
export interface RunRecord {
  readonly folder: string;
  readonly config: TrainConfig;
  /** The rows of the log. */
  readonly rows: readonly LogRow[];
  /** Pictures in the folder, the samples in the order of their steps. */
  readonly pictures: readonly RunPicture[];
  /** What `tessera evaluate --json` said of it, if that is kept there. */
  readonly scores: unknown;
}

/** A picture in the folder of a run. */
export interface RunPicture {
  /** Its path inside the folder. */
  readonly file: string;
  readonly title: string;
}

/** Where a report looks for the scores of `tessera evaluate --json`. */
export const SCORES_FILE = 'evaluation.json';

/** Most bytes of a file of scores. A usual one has 4,000. */
const LARGEST_SCORES = 2 ** 20;

/**
 * Reads the folder of a run, finished or not.
 *
 * @throws ValueError if there is no run, FormatError if a file is damaged
 */
export async function readRecord(folder: string): Promise<RunRecord> {
  const config = await readRunConfig(folder);
  const rows = await readLog(join(folder, RUN_FILES.log));
  const scores = join(folder, SCORES_FILE);
  return {
    folder,
    config,
    rows,
    pictures: await picturesOf(folder),
    scores: existsSync(scores)
      ? parseJson(await readText('report', scores, LARGEST_SCORES), 'report', `${scores}:`)
      : undefined,
  };
}

async function picturesOf(folder: string): Promise<RunPicture[]> {
  const samples = join(folder, 'samples');
  const files = existsSync(samples) ? (await readdir(samples)).sort() : [];
  const previews = files.flatMap((file): RunPicture[] => {
    const [, step] = /^step-(\d+)\.png$/.exec(file) ?? [];
    return step === undefined
      ? []
      : [{ file: `samples/${file}`, title: `After step ${Number(step)}` }];
  });
  const last = [
    { file: RUN_FILES.samples, title: 'At the end' },
    { file: RUN_FILES.reconstructions, title: 'Test images and their reconstructions' },
  ].filter(({ file }) => existsSync(join(folder, file)));
  return [...previews, ...last];
}

/** The rows of each stage that has some. */
export function stagesOf({ rows }: RunRecord): readonly {
  readonly stage: TrainStage;
  readonly rows: readonly LogRow[];
}[] {
  return STAGES.map((stage) => ({ stage, rows: rows.filter((row) => row.stage === stage) })).filter(
    (each) => each.rows.length > 0,
  );
}
