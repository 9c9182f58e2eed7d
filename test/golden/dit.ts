import type { Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { countParameters, mseLoss, namedParameters, namedTensors } from '@tessera/autograd/nn';
import { guidedBatchForward, observe, type DiT } from '@tessera/dit';
import * as v from 'valibot';
import { compareExactly, compareNames, compareTensor, type Tolerance } from './compare.ts';
import { configSchema, loadModel } from './dit-config.ts';
import { tableCases, tableSchema, zooCases } from './dit-tables.ts';
import { inWay, once, type GoldenCase, type Way } from './golden-case.ts';
import type { GoldenFolder, TensorFile } from './golden-folder.ts';

/** The relative tolerance of all tensors in `dit.json`, as its field `compare` states it. */
const RTOL = 1e-4;

/** The smallest absolute tolerance in `dit.json`: that of looked-up vectors, which carry none, for they are exact. */
const ATOL_FLOOR = 1e-7;

const tensorSchema = v.looseObject({ name: v.string(), atol: v.number() });

const modelSchema = v.looseObject({
  config: configSchema,
  weights: v.string(),
  golden: v.string(),
  grads: v.string(),
  num_params_with_pos_embed: v.number(),
  num_params_trainable: v.number(),
  cfg: v.optional(
    v.array(
      v.object({
        x: v.string(),
        t: v.string(),
        y: v.string(),
        cfg_scale: v.number(),
        out: v.string(),
      }),
    ),
    [],
  ),
  label_dropout: v.nullish(
    v.object({ y: v.string(), force_drop_ids: v.string(), out: v.string() }),
  ),
  outputs: v.array(tensorSchema),
  param_grads: v.array(tensorSchema),
});

const manifestSchema = v.looseObject({
  format: v.pipe(v.string(), v.startsWith('dit-oracle/dit/1')),
  tables_file: v.string(),
  tables: v.array(tableSchema),
  models: v.record(v.string(), modelSchema),
});

type GoldenModel = v.InferOutput<typeof modelSchema>;

/** The cases of `dit.json` and `dit_zoo.json`: every output, activation and gradient of every model. */
export async function ditCases(folder: GoldenFolder, way: Way): Promise<GoldenCase[]> {
  const manifest = await folder.manifest('dit.json', manifestSchema);
  const tables = await folder.tensors(manifest.tables_file);
  const cases: GoldenCase[] = [];
  for (const [key, model] of Object.entries(manifest.models)) {
    cases.push(...(await modelCases(key, model, folder, way)));
  }
  cases.push(...tableCases(manifest.tables, tables, RTOL, way), ...(await zooCases(folder)));
  return cases;
}

async function modelCases(
  key: string,
  golden: GoldenModel,
  folder: GoldenFolder,
  way: Way,
): Promise<GoldenCase[]> {
  const weights = await folder.tensors(golden.weights);
  const results = await folder.tensors(golden.golden);
  const gradients = await folder.tensors(golden.grads);
  const model = once(() => loadModel(golden.config, weights));
  const forward = once(() => runForward(model(), results, way));
  const backward = once(() => runBackward(model(), results, way));
  const one = (
    id: string,
    group: string,
    compute: () => Tensor | Promise<Tensor>,
    file: TensorFile,
    tolerance: Tolerance,
    name: string = id,
  ): GoldenCase => ({
    id: `${key}.${id}`,
    group: `${key} ${golden.config.conditioning}: ${group}`,
    check: async () => [
      await compareTensor('tensor', await compute(), file.values(name), tolerance),
    ],
  });
  const outputs = golden.outputs.map(({ name, atol }) => {
    const tolerance = { rtol: RTOL, atol };
    const cfg = golden.cfg.find(({ out }) => out === name);
    if (cfg !== undefined) {
      return one(name, 'guidance', () => runGuided(model(), results, cfg, way), results, tolerance);
    }
    if (name === 'loss')
      return one(name, 'outputs', async () => (await backward()).loss, results, tolerance);
    if (name === 'grad.x')
      return one(name, 'gradients', async () => (await backward()).gradX, results, tolerance);
    const group = name.startsWith('act.') ? 'activations' : 'outputs';
    return one(name, group, async () => pick(await forward(), name), results, tolerance);
  });
  const parameterGradients = golden.param_grads.map(({ name, atol }) =>
    one(
      `grad.${name}`,
      'gradients',
      async () => pick((await backward()).gradients, name),
      gradients,
      { rtol: RTOL, atol },
      name,
    ),
  );
  const drop = golden.label_dropout;
  const dropCases =
    drop === null || drop === undefined
      ? []
      : [
          one(drop.out, 'outputs', () => runDropped(model(), results, drop, way), results, {
            rtol: 0,
            atol: ATOL_FLOOR,
          }),
        ];
  return [...outputs, ...dropCases, ...parameterGradients, censusCase(key, golden, model)];
}

/** That the model's trained tensors are those whose gradients are known, and their number. */
function censusCase(key: string, golden: GoldenModel, model: () => DiT): GoldenCase {
  return {
    id: `${key}.parameters`,
    isPlain: true,
    group: 'census',
    check: () => {
      const trained = namedParameters(model()).map(([name]) => name);
      const all = namedTensors(model()).reduce((sum, [, { size }]) => sum + size, 0);
      return Promise.resolve([
        compareExactly('values with pos_embed', all, golden.num_params_with_pos_embed),
        compareExactly('trained values', countParameters(model()), golden.num_params_trainable),
        compareNames(
          'trained tensors',
          trained,
          golden.param_grads.map(({ name }) => name),
        ),
      ]);
    },
  };
}

/** Output and activations by the names of the golden file. */
async function runForward(
  model: DiT,
  file: TensorFile,
  way: Way,
): Promise<ReadonlyMap<string, Tensor>> {
  const forward = (x: Tensor, t: Tensor, y: Tensor): Record<string, Tensor> => {
    const found: Record<string, Tensor> = {};
    const observed = observe(model, (path, output, inputs) => {
      if (path !== '') found[`act.${path}`] = output;
      if (path === 't_embedder.mlp.0') found['act.t_embedder.freq'] = inputs[0];
      if (path === 'blocks.0') {
        found['act.blocks.in'] = inputs[0];
        if (inputs.length > 1) found['act.blocks.cond'] = inputs[1];
      }
    });
    found['out'] = observed.forward(x, t, y);
    return found;
  };
  const [x, t, y] = ['x', 't', 'y'].map((name) => file.tensor(name));
  return new Map(Object.entries(await inWay(way, forward)(x, t, y)));
}

interface Backward {
  readonly loss: Tensor;
  readonly gradX: Tensor;
  readonly gradients: ReadonlyMap<string, Tensor>;
}

/** The mean squared error and its gradient with respect to x and every parameter. */
async function runBackward(model: DiT, file: TensorFile, way: Way): Promise<Backward> {
  const [t, y, target] = ['t', 'y', 'target'].map((name) => file.tensor(name));
  const lossAndGrad = valueAndGrad((at: { model: DiT; x: Tensor }) =>
    mseLoss(at.model.forward(at.x, t, y), target),
  );
  const { value, grads } = await inWay(way, lossAndGrad)({ model, x: file.tensor('x') });
  return { loss: value, gradX: grads.x, gradients: new Map(namedParameters(grads.model)) };
}

/** The labels' vectors where some labels are dropped by force. */
function runDropped(
  model: DiT,
  file: TensorFile,
  drop: { readonly y: string; readonly force_drop_ids: string },
  way: Way,
): Promise<Tensor> {
  const { y_embedder: embedder } = model;
  const embed = inWay(way, (y: Tensor, dropped: Tensor) =>
    embedder.forward(embedder.dropWhere(y, dropped.equal(1))),
  );
  return embed(file.tensor(drop.y), file.tensor(drop.force_drop_ids));
}

/** `forward_with_cfg`, which guides the first three channels. */
function runGuided(
  model: DiT,
  file: TensorFile,
  cfg: GoldenModel['cfg'][number],
  way: Way,
): Promise<Tensor> {
  const guided = inWay(way, (x: Tensor, t: Tensor, y: Tensor) =>
    guidedBatchForward(model, x, t, y, { scale: cfg.cfg_scale, compat: 'official' }),
  );
  return guided(file.tensor(cfg.x), file.tensor(cfg.t), file.tensor(cfg.y));
}

function pick(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`the model computes no "${name}"`);
  return found;
}
