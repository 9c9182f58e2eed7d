import { tensor, type Tensor } from '@tessera/tensor';
import { namedTensors } from '@tessera/autograd/nn';
import { DiT, macCount, parameterCount, sinCos2d, timestepEmbedding } from '@tessera/dit';
import * as v from 'valibot';
import { compareExactly, compareNames, compareTensor } from './compare.ts';
import { configSchema, modelConfig } from './dit-config.ts';
import { inWay, type GoldenCase, type Way } from './golden-case.ts';
import type { GoldenFolder, TensorFile } from './golden-folder.ts';

/** A table in `dit.json`; for timestep embeddings `t` is a list, or the name of a tensor. */
export const tableSchema = v.looseObject({
  name: v.string(),
  t: v.optional(v.union([v.array(v.number()), v.string()])),
  atol: v.number(),
});

type Table = v.InferOutput<typeof tableSchema>;

/** Position tables and timestep embeddings. */
export function tableCases(
  tables: readonly Table[],
  file: TensorFile,
  rtol: number,
  way: Way,
): GoldenCase[] {
  return tables.map((table) => ({
    id: table.name,
    group: 'tables',
    isPlain: table.t === undefined,
    check: async () => {
      const want = file.values(table.name);
      return [
        await compareTensor('table', await computeTable(table, file, way), want, {
          rtol,
          atol: table.atol,
        }),
      ];
    },
  }));
}

async function computeTable({ name, t }: Table, file: TensorFile, way: Way): Promise<Tensor> {
  const position = /^pos_embed\.grid(\d+)\.dim(\d+)$/.exec(name);
  if (position !== null) return sinCos2d(Number(position[2]), Number(position[1]));
  const timestep = /^timestep_embedding\.(?:.*\.)?dim(\d+)$/.exec(name);
  if (timestep === null || t === undefined) throw new Error(`table "${name}" is not known`);
  const times = typeof t === 'string' ? file.tensor(t) : tensor(t);
  const size = Number(timestep[1]);
  return inWay(way, (at: Tensor) => timestepEmbedding(at, size))(times);
}

const shapes = v.record(v.string(), v.array(v.number()));

const zooSchema = v.looseObject({
  format: v.pipe(v.string(), v.startsWith('dit-oracle/zoo/1')),
  models: v.record(
    v.string(),
    v.looseObject({
      config: configSchema,
      tokens: v.number(),
      num_params_with_pos_embed: v.number(),
      num_params_trainable: v.number(),
      macs_forward_batch1: v.number(),
      state_dict_entries: v.number(),
      shapes,
      block_shapes: shapes,
    }),
  ),
});

/** The census of the published models: names, shapes and counts, without making their weights. */
export async function zooCases(folder: GoldenFolder): Promise<GoldenCase[]> {
  const { models } = await folder.manifest('dit_zoo.json', zooSchema);
  return Object.entries(models).map(([name, golden]) => ({
    id: name,
    group: 'zoo',
    isPlain: true,
    check: () => {
      const config = modelConfig(golden.config);
      const tensors = namedTensors(DiT.blank(config));
      const size = tensors.reduce((sum, [, entry]) => sum + entry.size, 0);
      const wanted = { ...golden.shapes };
      for (let i = 0; i < config.depth; i++) {
        for (const [key, shape] of Object.entries(golden.block_shapes)) {
          wanted[`blocks.${i}.${key}`] = shape;
        }
      }
      return Promise.resolve([
        compareExactly(
          'tokens',
          tensors.find(([key]) => key === 'pos_embed')?.[1].shape[1],
          golden.tokens,
        ),
        compareExactly('values with pos_embed', size, golden.num_params_with_pos_embed),
        compareExactly('trained values', parameterCount(config), golden.num_params_trainable),
        compareExactly('multiply-adds', macCount(config), golden.macs_forward_batch1),
        compareExactly('tensors', tensors.length, golden.state_dict_entries),
        compareNames(
          'shapes',
          tensors.map(([key, { shape }]) => shapeText(key, shape)),
          Object.entries(wanted).map(([key, shape]) => shapeText(key, shape)),
        ),
      ]);
    },
  }));
}

function shapeText(key: string, shape: readonly number[]): string {
  return `${key} [${shape.join('×')}]`;
}
