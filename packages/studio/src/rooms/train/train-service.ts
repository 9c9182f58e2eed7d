// The service of the room Train: some trainings that take turns, their samples, and where they are kept.

import { nextTask } from '../../engine/next-task.ts';
import type { Call, Service } from '../../engine/service.ts';
import { fetchDigits, lessonOf, type IdxFiles } from './lesson.ts';
import { forgetTrainings, savedTrainings, saveTrainings } from './saved-trainings.ts';
import type {
  DataFacts,
  Report,
  RunFile,
  Saving,
  TrainingFacts,
  TrainSettings,
} from './train-messages.ts';
import { BATCH, Training, type Lesson } from './training.ts';

/** Milliseconds between reports. */
const REPORT_MS = 200;

/** Steps between samples. */
const SAMPLE_EVERY = 50;

/** Steps between saved states. */
const SAVE_EVERY = 200;

let isPaused = false;
let lesson: Lesson | null = null;
let settings: readonly TrainSettings[] = [];
let trainings: readonly Training[] = [];

function taught(): Lesson {
  if (lesson === null) throw new Error('No digits are loaded yet.');
  return lesson;
}

/** Gets the digits: those beside the page, or dropped ones. */
async function open(
  { base, files }: { readonly base: string; readonly files: IdxFiles | null },
  { signal }: Call<never>,
): Promise<DataFacts> {
  lesson = await lessonOf(base, files ?? (await fetchDigits(base, signal)), signal);
  const { autoencoder, side, latents } = lesson;
  return {
    count: latents.count,
    codec: autoencoder === undefined ? 'pixels' : 'autoencoder',
    side,
  };
}

/** Makes trainings of these settings, and goes on with saved ones if `resumes`. */
async function start({
  plan,
  resumes,
}: {
  readonly plan: readonly TrainSettings[];
  readonly resumes: boolean;
}): Promise<readonly TrainingFacts[]> {
  const made = plan.map((each) => new Training(each, taught()));
  const saved = resumes ? await savedTrainings(planOf(plan)) : null;
  saved?.forEach((bytes, i) => made[i].restore(bytes));
  if (!resumes) await forgetTrainings();
  [settings, trainings] = [plan, made];
  return made.map(({ facts }) => facts);
}

/** Takes steps in turns until `pause`, or until each training has taken `steps` or is done. Saves them then. */
async function play(
  { steps }: { readonly steps: number | null },
  { update }: Call<Report | Saving>,
): Promise<void> {
  isPaused = false;
  const unsent = trainings.map(() => ({ first: 0, milliseconds: 0 }));
  trainings.forEach(({ points }, i) => (unsent[i].first = points.length));
  const report = (i: number, samples?: Uint8ClampedArray<ArrayBuffer>): void => {
    const points = trainings[i].points.slice(unsent[i].first);
    const imagesPerSecond = (1000 * BATCH * points.length) / unsent[i].milliseconds;
    update({ training: i, points, imagesPerSecond, ...(samples !== undefined && { samples }) });
    unsent[i] = { first: trainings[i].points.length, milliseconds: 0 };
  };
  let sent = performance.now();
  for (let taken = 0; taken !== steps; taken++) {
    const running = trainings.filter((training) => !training.isDone);
    if (running.length === 0 || isPaused) break;
    for (const training of running) {
      const i = trainings.indexOf(training);
      const before = performance.now();
      const { step } = await training.advance();
      unsent[i].milliseconds += performance.now() - before;
      if (step % SAMPLE_EVERY === 0 || training.isDone) report(i, await training.samples());
      await nextTask();
    }
    if (performance.now() - sent > REPORT_MS) {
      for (const i of trainings.keys()) if (unsent[i].milliseconds > 0) report(i);
      sent = performance.now();
    }
    if (trainings[0].points.length % SAVE_EVERY === 0) update(await save());
  }
  for (const i of trainings.keys()) if (unsent[i].milliseconds > 0) report(i);
  update(await save());
}

/** Ends `play` after the step under way. */
function pause(): void {
  isPaused = true;
}

/** Draws a digit of each class with a training as it is: bytes `[10, 32, 32]`. */
function sample({ training }: { readonly training: number }): Promise<Uint8ClampedArray> {
  return trainings[training].samples();
}

/** The files of a run. */
function runFiles({ training }: { readonly training: number }): Promise<RunFile[]> {
  return trainings[training].files();
}

/** The service. */
export const trainService = { open, start, play, pause, sample, files: runFiles } satisfies Service;

async function save(): Promise<Saving> {
  const states = [];
  for (const training of trainings) states.push(await training.save());
  try {
    await saveTrainings(planOf(settings), states);
    return { failure: null };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function planOf(plan: readonly TrainSettings[]): Parameters<typeof savedTrainings>[0] {
  return { trainings: plan, digits: taught().digits };
}
