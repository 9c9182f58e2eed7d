// Writes the graph of a Diffusion Transformer block as a page whose modules fold.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { key, normal, tensor, type Tensor } from '@tessera/tensor';
import { formatGraph, record, showGraph } from '@tessera/autograd';
import { DiT, latentShape, presetConfig } from '@tessera/dit';

const config = presetConfig('smoke').model;
const model = DiT.init(config, key(0));
const x = normal(key(1), latentShape(config, 1));
const t = tensor([500], { dtype: 'int32' });
const y = tensor([3], { dtype: 'int32' });
const loss = (dit: DiT, noised: Tensor): Tensor => dit.forward(noised, t, y).square().mean();

// In the terminal: the parts of the model, and inside the first block.
const { graph } = record(loss, model, x);
console.log(formatGraph(graph, { depth: 1, open: ['blocks.0'] }));

// In a browser: everything, with what each operation gave.
const file = join(tmpdir(), 'tessera-graph.html');
const page = showGraph(loss, [model, x], {
  open: ['blocks.0', 'blocks.0/attn'],
  values: true,
  title: 'A step of a Diffusion Transformer',
});
writeFileSync(file, page);
console.log(`Open ${file} in a browser.`);
