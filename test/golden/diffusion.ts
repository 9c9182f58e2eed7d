import { ValueError } from '@tessera/tensor';
import { respaceTimesteps, type DiT, type NoiseSchedule } from '@tessera/dit';
import * as v from 'valibot';
import { Attributes } from './attributes.ts';
import {
  compareExactly,
  compareTensor,
  compareValues,
  read,
  type Comparison,
  type Tolerance,
} from './compare.ts';
import { DIFFUSION_KINDS, makeSchedule } from './diffusion-kinds.ts';
import { configSchema, loadModel } from './dit-config.ts';
import { once, type GoldenCase, type Way } from './golden-case.ts';
import type { GoldenFolder, TensorFile } from './golden-folder.ts';

/** The tolerance of schedules, as the manifest's field `compare` states it: float64 against float64. */
const SCHEDULE_TOLERANCE: Tolerance = { rtol: 1e-10, atol: 0 };

const names = v.record(v.string(), v.string());
const numbers = v.record(v.string(), v.number());

const scheduleSchema = v.looseObject({
  noise_schedule: v.string(),
  diffusion_steps: v.number(),
  timestep_respacing: v.string(),
  num_timesteps: v.number(),
  arrays: names,
  timestep_map: v.string(),
});

const respacingSchema = v.looseObject({
  respacing: v.string(),
  diffusion_steps: v.optional(v.number(), 1000),
  throws: v.boolean(),
});

const caseSchema = v.looseObject({
  id: v.string(),
  kind: v.string(),
  attrs: v.record(v.string(), v.unknown()),
  inputs: names,
  outputs: names,
  rtol: v.number(),
  atol: numbers,
  well_conditioned: v.optional(v.string()),
  well_conditioned_atol: v.optional(numbers),
});

const manifestSchema = v.looseObject({
  format: v.pipe(v.string(), v.startsWith('dit-oracle/diffusion/1')),
  tensors_file: v.string(),
  model_weights: v.string(),
  model_config: configSchema,
  schedules: v.array(scheduleSchema),
  invalid_respacings: v.array(respacingSchema),
  cases: v.array(caseSchema),
});

type GoldenSchedule = v.InferOutput<typeof scheduleSchema>;
type GoldenRespacing = v.InferOutput<typeof respacingSchema>;
type DiffusionCase = v.InferOutput<typeof caseSchema>;

/** The cases of `diffusion.json`: schedules, respacings that must throw, and one case a formula or loop. */
export async function diffusionCases(folder: GoldenFolder, way: Way): Promise<GoldenCase[]> {
  const manifest = await folder.manifest('diffusion.json', manifestSchema);
  const file = await folder.tensors(manifest.tensors_file);
  const weights = await folder.tensors(manifest.model_weights);
  const model = once(() => loadModel(manifest.model_config, weights));
  return [
    ...manifest.schedules.map((golden) => scheduleCase(golden, file)),
    ...manifest.invalid_respacings.map((golden) => respacingCase(golden)),
    ...manifest.cases.map((golden) => ({
      id: golden.id,
      group: golden.kind,
      check: () => checkCase(golden, file, model, way),
    })),
  ];
}

/** Where our schedule keeps the official arrays. */
const ARRAYS: Readonly<Record<string, (schedule: NoiseSchedule) => Float64Array>> = {
  betas: ({ beta }) => beta,
  alphas_cumprod: ({ alphaBar }) => alphaBar,
  alphas_cumprod_prev: ({ alphaBarPrev }) => alphaBarPrev,
  alphas_cumprod_next: ({ alphaBarNext }) => alphaBarNext,
  sqrt_alphas_cumprod: ({ sqrtAlphaBar }) => sqrtAlphaBar,
  sqrt_one_minus_alphas_cumprod: ({ sqrtOneMinusAlphaBar }) => sqrtOneMinusAlphaBar,
  log_one_minus_alphas_cumprod: ({ logOneMinusAlphaBar }) => logOneMinusAlphaBar,
  sqrt_recip_alphas_cumprod: ({ sqrtRecipAlphaBar }) => sqrtRecipAlphaBar,
  sqrt_recipm1_alphas_cumprod: ({ sqrtRecipAlphaBarMinusOne }) => sqrtRecipAlphaBarMinusOne,
  posterior_variance: ({ posteriorVariance }) => posteriorVariance,
  posterior_log_variance_clipped: ({ posteriorLogVariance }) => posteriorLogVariance,
  posterior_mean_coef1: ({ posteriorXStartWeight }) => posteriorXStartWeight,
  posterior_mean_coef2: ({ posteriorXTWeight }) => posteriorXTWeight,
};

function scheduleCase(golden: GoldenSchedule, file: TensorFile): GoldenCase {
  const { noise_schedule: name, diffusion_steps: steps, timestep_respacing: respacing } = golden;
  return {
    id: `schedule ${name} ${steps} "${respacing}"`,
    group: 'schedules',
    isPlain: true,
    check: () => {
      const schedule = makeSchedule(new Attributes(golden));
      const { timestepMap } = schedule;
      const arrays = Object.entries(golden.arrays).map(([array, entry]) => {
        if (!Object.hasOwn(ARRAYS, array)) throw new Error(`array "${array}" is not there yet`);
        const data = ARRAYS[array](schedule);
        return compareValues(
          array,
          { shape: [data.length], data },
          file.values(entry),
          SCHEDULE_TOLERANCE,
        );
      });
      return Promise.resolve([
        compareExactly('number of timesteps', schedule.timesteps, golden.num_timesteps),
        compareValues(
          'timestep_map',
          { shape: [timestepMap.length], data: timestepMap },
          file.values(golden.timestep_map),
          { rtol: 0, atol: 0 },
        ),
        ...arrays,
      ]);
    },
  };
}

function respacingCase({ respacing, diffusion_steps: steps, throws }: GoldenRespacing): GoldenCase {
  return {
    id: `respacing "${respacing}" of ${steps}`,
    group: 'respacings',
    isPlain: true,
    check: () => {
      let thrown = false;
      try {
        respaceTimesteps(steps, respacing);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        thrown = true;
      }
      return Promise.resolve([compareExactly('throws', thrown, throws)]);
    },
  };
}

async function checkCase(
  golden: DiffusionCase,
  file: TensorFile,
  model: () => DiT,
  way: Way,
): Promise<Comparison[]> {
  if (!Object.hasOwn(DIFFUSION_KINDS, golden.kind)) {
    throw new Error(`kind "${golden.kind}" is not there yet`);
  }
  const entryOf = (name: string): string => {
    if (Object.hasOwn(golden.inputs, name)) return golden.inputs[name];
    throw new Error(`the case has no input "${name}"`);
  };
  const found = await DIFFUSION_KINDS[golden.kind]({
    attributes: new Attributes(golden.attrs),
    tensor: (name) => file.tensor(entryOf(name)),
    numbers: (name) => Array.from(file.values(entryOf(name)).data),
    has: (name) => Object.hasOwn(golden.inputs, name),
    model,
    way,
  });
  const pick = (name: string): (typeof found)[string] => {
    if (Object.hasOwn(found, name)) return found[name];
    throw new Error(`output "${name}" is not there yet`);
  };
  const comparisons: Comparison[] = [];
  for (const [name, entry] of Object.entries(golden.outputs)) {
    const { rtol } = golden;
    const [got, want] = [await read(pick(name)), file.values(entry)];
    const atol = toleranceOf(golden.atol, name);
    comparisons.push(compareValues(name, got, want, { rtol, atol }));
    if (golden.well_conditioned !== undefined && golden.well_conditioned_atol !== undefined) {
      const where = file.values(golden.well_conditioned).data;
      const strict = toleranceOf(golden.well_conditioned_atol, name);
      const label = `${name} where well conditioned`;
      comparisons.push(compareValues(label, got, want, { rtol, atol: strict }, where));
    }
  }
  if (Object.hasOwn(golden.inputs, 'model_t')) {
    const want = file.values(golden.inputs['model_t']);
    comparisons.push(await compareTensor('model_t', pick('model_t'), want, { rtol: 0, atol: 0 }));
  }
  return comparisons;
}

function toleranceOf(table: Readonly<Record<string, number>>, name: string): number {
  if (Object.hasOwn(table, name)) return table[name];
  throw new Error(`the manifest has no tolerance for "${name}"`);
}
