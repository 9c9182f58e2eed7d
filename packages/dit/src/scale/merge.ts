// Puts the finished cells of several folders into one.

import { join } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { readWeights } from '../run/checkpoint.ts';
import {
  checkSameRecipe,
  finishedCells,
  readMarks,
  readPlan,
  SCALE_FILES,
  writeCell,
  writeMarks,
  writePlan,
  type Marks,
} from './folder.ts';
import { unitedCells } from './grid.ts';
import type { Plan } from './recipe.ts';

/** A folder of a study. */
interface Study {
  readonly folder: string;
  readonly plan: Plan;
  /** Absent if none of its cells has begun. */
  readonly marks: Marks | undefined;
}

/**
 * Copies the finished cells of some folders into one. All of it is checked before anything is written.
 *
 * @param folder new, empty, or a study of the same recipe
 * @param sortCells brings the cells of all folders into the order of a plan
 * @returns the plan of the folder: the cells of all of them
 * @throws ValueError if a folder is no study, has another recipe, or its autoencoder is another one
 */
export async function mergeStudies(
  folder: string,
  others: readonly string[],
  sortCells: (cells: Plan['cells']) => Plan['cells'],
): Promise<Plan> {
  const studies: Study[] = [];
  for (const other of others) studies.push(await readStudy(other));
  const own = await readPlan(folder);
  const all =
    own === undefined
      ? studies
      : [{ folder, plan: own, marks: await readMarks(folder) }, ...studies];
  const [first] = all;
  for (const { plan, folder: place } of all.slice(1)) {
    checkSameRecipe(plan, place, first.plan, first.folder);
  }
  checkSameAutoencoder(all);
  const cells = all.map(({ plan }) => plan.cells).reduce(unitedCells);
  const plan = { ...first.plan, cells: sortCells(cells) };
  const finished = await Promise.all(
    studies.map((study) => finishedCells(study.folder, study.plan)),
  );
  const source = all.find(({ marks }) => marks !== undefined);
  const weights =
    source === undefined
      ? undefined
      : await readWeights(join(source.folder, SCALE_FILES.autoencoder));
  await writePlan(folder, plan);
  if (weights !== undefined && source?.marks !== undefined) {
    await writeFileAtomic(join(folder, SCALE_FILES.autoencoder), weights);
    await writeMarks(folder, source.marks);
  }
  for (const record of finished.flat()) await writeCell(folder, record);
  return plan;
}

async function readStudy(folder: string): Promise<Study> {
  const plan = await readPlan(folder);
  if (plan !== undefined) return { folder, plan, marks: await readMarks(folder) };
  throw new ValueError(
    'scale',
    `${folder} has no ${SCALE_FILES.plan}. Name a folder that tessera scale has filled.`,
  );
}

/** Throws a ValueError unless all folders that have begun have the same autoencoder: their models saw other latents. */
function checkSameAutoencoder(studies: readonly Study[]): void {
  const begun = studies.filter(({ marks }) => marks !== undefined);
  const odd = begun.find(({ marks }) => marks?.autoencoder !== begun[0].marks?.autoencoder);
  if (odd === undefined) return;
  throw new ValueError(
    'scale',
    `${odd.folder} has another autoencoder than ${begun[0].folder}: the SHA-256 in ${SCALE_FILES.marks} is another one. Train both on the same backend and the same version.`,
  );
}
