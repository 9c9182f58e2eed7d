import { diffusionCases } from './diffusion.ts';
import { ditCases } from './dit.ts';
import type { GoldenCase, SectionName, Way } from './golden-case.ts';
import type { GoldenFolder } from './golden-folder.ts';
import { opCases } from './ops.ts';
import { optimCases } from './optim.ts';
import { trainCases } from './train.ts';

/** Reads a manifest into cases. Throws a GoldenError if the manifest or its files cannot be used. */
type SectionReader = (folder: GoldenFolder, way: Way) => Promise<GoldenCase[]>;

const READERS: Readonly<Record<SectionName, SectionReader>> = {
  ops: opCases,
  optim: optimCases,
  dit: ditCases,
  diffusion: diffusionCases,
  train: trainCases,
};

/** The cases of one section of a folder. */
export function sectionCases(
  section: SectionName,
  folder: GoldenFolder,
  way: Way,
): Promise<GoldenCase[]> {
  return READERS[section](folder, way);
}
