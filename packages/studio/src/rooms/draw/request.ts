// From the values of the room Draw to what its service is asked.

import type { RunFacts } from '../../engine/run/run-facts.ts';
import type { Subject } from '../../engine/run/subject.ts';
import { isBlank, sheetOf } from '../../parts/pad/sheet.ts';
import type { ValuesOf } from '../../state/fields.ts';
import type { Drawing } from './draw-messages.ts';
import type { drawFields } from './draw-fields.ts';
import type { Request } from './session.svelte.ts';

/** The values of the room. */
type DrawValues = ValuesOf<typeof drawFields>;

/** Pictures of a way from one image to another. */
const PATH_PICTURES = 9;

/** What the service is asked. A drawing that is still blank is drawn without it. */
export function requestOf(values: DrawValues, run: RunFacts): Request {
  const { seed, guidance, steps, sampler, count, strength } = values;
  const [map] = run.maps as readonly (RunFacts['maps'][number] | undefined)[];
  const mapSheet = map === undefined ? null : sheetOf(values.map, map.size);
  const drawing: Drawing = {
    ...subjectOf(values.label, values.prompt, run),
    guidance: run.isGuided ? guidance : 1,
    steps,
    sampler: run.samplers.find((name) => name === sampler) ?? run.sampler,
    seed,
    maps:
      map === undefined || mapSheet === null || isBlank(mapSheet)
        ? {}
        : { [map.name]: mapSheet.pixels },
  };
  if (values.mode === 'path') {
    const to = subjectOf(values.toLabel, values.toPrompt, run);
    return {
      way: 'path',
      input: { ...drawing, maps: {}, to, toSeed: values.toSeed, count: PATH_PICTURES },
    };
  }
  const sheet = sheetOf(values.pad, run.size);
  if (values.mode === 'draw' || isBlank(sheet))
    return { way: 'draw', input: { ...drawing, count } };
  return {
    way: 'complete',
    input: { ...drawing, maps: {}, count, strength, pixels: sheet.pixels, mask: sheet.marks },
  };
}

/** What the pictures show, in words. */
export function subjectText(values: DrawValues, run: RunFacts): string {
  const { label, prompt } = subjectOf(values.label, values.prompt, run);
  const named = run.classes.length > 0 ? `class ${run.classes[label]}` : '';
  const told = run.words === null ? '' : prompt;
  const what = [named, told].filter((text) => text !== '').join(', ');
  return `Drawn by the model: ${what === '' ? 'anything' : what}`;
}

function subjectOf(label: number, prompt: string, { classes }: RunFacts): Subject {
  return { label: classes.length === 0 ? 0 : Math.min(label, classes.length - 1), prompt };
}
