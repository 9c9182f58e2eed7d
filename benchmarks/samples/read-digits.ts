// `npm run bench:digits`: how many drawn digits a freshly trained LeNet reads as asked.

/**
 * `npm run bench:digits -- FOLDER [COUNT]`: how many digits that a trained run draws a LeNet reads as
 * asked. The LeNet is trained here on MNIST, and reads the real test digits and the autoencoder's
 * reconstructions of them as well, which no drawn digit should be expected to beat.
 */
import { join } from 'node:path';
import { key, tensor } from '@tessera/tensor';
import { Autoencoder, DiT, padImages, scalePixels } from '@tessera/dit';
import {
  Generator,
  loadMnist,
  loadModule,
  MNIST_CLASSES,
  readRunConfig,
  RUN_FILES,
} from '@tessera/dit/node';
import { percentRight, readDigits, SIDE, trainLeNet } from './lenet.ts';

const [folder, count = '1000'] = process.argv.slice(2);
if (folder === undefined || !(Number(count) >= 10)) {
  process.stderr.write('error: usage: npm run bench:digits -- FOLDER [COUNT, at least 10]\n');
  process.exit(2);
}
const config = await readRunConfig(folder);
const mnist = await loadMnist();
const [train, test] = [mnist.train, mnist.test].map((set) => ({
  ...padImages(set, SIDE),
  labels: set.labels,
}));
const lenet = await trainLeNet(train);
const some = 2000;
const real = scalePixels(test.images.subarray(0, some * SIDE * SIDE));
const labels = test.labels.subarray(0, some);
console.log(
  `test digits: ${percentRight(await readDigits(lenet, real), labels).toFixed(1)} % read`,
);

const autoencoder = await loadModule(
  join(folder, RUN_FILES.autoencoder),
  new Autoencoder(config.autoencoder, key(0)),
);
const images = tensor(real, { shape: [some, 1, SIDE, SIDE] });
const decoded = await autoencoder.decode(autoencoder.encode(images).mean).data();
const rebuilt = percentRight(await readDigits(lenet, decoded as Float32Array), labels);
console.log(`reconstructions of them: ${rebuilt.toFixed(1)} % read`);

const model = await loadModule(join(folder, RUN_FILES.model), DiT.init(config.model, key(0)));
const generator = new Generator(config, { autoencoder, latentScale: config.latentScale ?? 1 });
const asked = Array.from({ length: Number(count) }, (_, i) => i % MNIST_CLASSES);
for (const guidance of [2, 1, 4]) {
  const options = { ...config.sampling, guidance, labels: asked, key: key(1) };
  const drawn = await generator.generate(model, options);
  const percent = percentRight(await readDigits(lenet, drawn), asked);
  console.log(`${count} drawn at guidance ${guidance}: ${percent.toFixed(1)} % read as asked`);
}
