// Memory against time: a chain of 16 blocks whose gradient keeps everything, or evaluates again.

import { compile, key, normal, split, type Tensor } from '@tessera/tensor';
import { checkpoint, grad } from '@tessera/autograd';

const block = (x: Tensor, w: Tensor): Tensor => x.matmul(w).tanh().matmul(w.transpose()).add(x);

/** `count` blocks one after the other. */
function blocks(x: Tensor, w: Tensor, count: number): Tensor {
  return count === 0 ? x : blocks(block(x, w), w, count - 1);
}

/** 16 blocks in equal segments. */
const loss =
  (segment: typeof blocks, segments: number) =>
  (w: Tensor, x: Tensor): Tensor => {
    let y = x;
    for (let i = 0; i < segments; i++) y = segment(y, w, 16 / segments);
    return y.square().mean();
  };

const [weightKey, dataKey] = split(key(0));
const w = normal(weightKey, [64, 64]).mul(0.1);
const x = normal(dataKey, [512, 64]);

const variants: [string, (w: Tensor, x: Tensor) => Tensor][] = [
  ['everything kept', loss(blocks, 1)],
  ['16 segments of 1 block', loss(checkpoint(blocks), 16)],
  ['4 segments of 4 blocks', loss(checkpoint(blocks), 4)],
  ['1 segment of 16 blocks', loss(checkpoint(blocks), 1)],
];

for (const [name, f] of variants) {
  const gradient = compile(grad(f));
  const [, bytes] = /arena (\d+) bytes/.exec(gradient.stages(w, x).plan) ?? [];
  const size = gradient(w, x).square().sum().sqrt().itemSync();
  const start = performance.now();
  for (let i = 0; i < 3; i++) await gradient(w, x).data();
  const milliseconds = (performance.now() - start) / 3;
  console.log(
    `${name.padEnd(22)} | ${String(Math.round(Number(bytes) / 1024)).padStart(5)} KiB |`,
    `${milliseconds.toFixed(0).padStart(4)} ms | ‖gradient‖ ${size.toPrecision(4)}`,
  );
}
