// `npm run bench:inpainting`: how well the samples of a run go on with what is known of a digit.

/**
 * `npm run bench:inpainting -- FOLDER [COUNT] [GUIDANCE] [PASSES]` draws a part of the first COUNT test digits anew: each of the
 * four halves, and a box in the middle. The run is asked for the digit's label. It is told what is known, if it was
 * trained with the condition `inpaint`. Otherwise, and beside that, what is known is put back at each step, with 1, 4
 * and 10 passes, or with those of the list PASSES; 0 is the condition alone. For each way it prints:
 *
 * - read: the share of digits that the package's ruler reads as their label, known pixels put back at the end;
 * - known: the error of the known part before that, root mean square over pixels of [-1, 1]. An autoencoder alone
 *   has one too;
 * - seam: the mean step between pixels on the two sides of the border, as a multiple of that of the digits themselves;
 * - truth: the error of the part that is drawn anew, and between two samples of it.
 */
import { padImages, scalePixels } from '@tessera/dit';
import { loadMnist, readImages, readRuler, readRun } from '@tessera/dit/node';
import { tensor } from '@tessera/tensor';

const SIDE = 32;
const PIXELS = SIDE ** 2;
const HALF = SIDE / 2;

/** The parts that are drawn anew. */
const MASKS: readonly ((row: number, column: number) => boolean)[] = [
  (row) => row < HALF,
  (row) => row >= HALF,
  (_row, column) => column < HALF,
  (_row, column) => column >= HALF,
  (row, column) =>
    Math.abs(row - HALF + 0.5) < HALF / 2 && Math.abs(column - HALF + 0.5) < HALF / 2,
];

/** A way to draw: told what is known, and so many passes that put it back; 0 for none. */
interface Way {
  readonly told: boolean;
  readonly passes: number;
}

const [folder, countText = '100', scale, list = '0,1,4,10'] = process.argv.slice(2);
if (
  folder === undefined ||
  !(Number(countText) >= 1) ||
  (scale !== undefined && !(Number(scale) >= 0))
) {
  process.stderr.write(
    'error: usage: npm run bench:inpainting -- FOLDER [COUNT] [GUIDANCE] [PASSES]\n',
  );
  process.exit(2);
}
const run = await readRun(folder);
const { model, sampling } = run.config;
const guidance = scale === undefined ? sampling.guidance : Number(scale);
const mnist = await loadMnist();
const test = padImages(mnist.test, SIDE);
const digits = Number(countText);
const count = digits * MASKS.length;
/** Every digit under every mask: all masks of a digit one behind the other. */
const truth = new Float32Array(count * PIXELS);
const isDrawn = new Uint8Array(count * PIXELS);
for (let i = 0; i < count; i++) {
  const digit = Math.floor(i / MASKS.length);
  const pixels = test.images.subarray(digit * PIXELS, (digit + 1) * PIXELS);
  truth.set(scalePixels(pixels), i * PIXELS);
  const mask = MASKS[i % MASKS.length];
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    if (mask(Math.floor(pixel / SIDE), pixel % SIDE)) isDrawn[i * PIXELS + pixel] = 1;
  }
}
const labels = Array.from(
  { length: count },
  (_, i) => mnist.test.labels[Math.floor(i / MASKS.length)],
);
const ruler = await readRuler();

/** The samples of one way and seed, `[count, 32, 32]`. */
async function draw({ told, passes }: Way, seed: number): Promise<Float32Array> {
  const known = truth.map((value, i) => (isDrawn[i] === 1 ? -1 : (value + 1) / 2));
  const asked = {
    guidance,
    seed,
    ...(told && { conditions: { inpaint: known } }),
  };
  const names = model.numClasses > 0 ? labels : labels.map(() => 0);
  if (passes === 0) return run.draw(names, asked);
  const latents = await run.generator.encode(tensor(truth, { shape: [count, 1, SIDE, SIDE] }));
  // One mask goes with a call, so the images of each mask are drawn together.
  const [side] = [Math.round(Math.sqrt(latents.length / count / model.inChannels))];
  const size = latents.length / count;
  const all = new Float32Array(truth.length);
  for (const [m, mask] of MASKS.entries()) {
    const own = Array.from({ length: digits }, (_, digit) => digit * MASKS.length + m);
    const pick = (values: Float32Array, length: number): Float32Array => {
      const some = new Float32Array(own.length * length);
      own.forEach((image, i) => {
        some.set(values.subarray(image * length, (image + 1) * length), i * length);
      });
      return some;
    };
    const step = SIDE / side;
    const places = Uint8Array.from({ length: side ** 2 }, (_, place) =>
      mask(Math.floor(place / side) * step + step / 2, (place % side) * step + step / 2) ? 1 : 0,
    );
    const drawn = await run.draw(
      own.map((image) => names[image]),
      {
        ...asked,
        ...(told && { conditions: { inpaint: pick(known, PIXELS) } }),
        region: { latents: pick(latents, size), mask: places, passes },
      },
    );
    own.forEach((image, i) => {
      all.set(drawn.subarray(i * PIXELS, (i + 1) * PIXELS), image * PIXELS);
    });
  }
  return all;
}

/** Root of the mean square of the differences at some pixels. */
function error(a: Float32Array, b: Float32Array, at: (pixel: number) => boolean): number {
  let [sum, n] = [0, 0];
  a.forEach((value, i) => {
    if (!at(i)) return;
    sum += (value - b[i]) ** 2;
    n++;
  });
  return Math.sqrt(sum / n);
}

/** Mean step between two neighbours of which one is known and the other is not. */
function seam(images: Float32Array): number {
  let [sum, n] = [0, 0];
  images.forEach((value, i) => {
    const [row, column] = [Math.floor((i % PIXELS) / SIDE), i % SIDE];
    for (const next of [column + 1 < SIDE ? i + 1 : i, row + 1 < SIDE ? i + SIDE : i]) {
      if (isDrawn[i] === isDrawn[next]) continue;
      sum += Math.abs(value - images[next]);
      n++;
    }
  });
  return sum / n;
}

const knowsInpaint = (model.conditions ?? []).some(({ name }) => name === 'inpaint');
const counts = list.split(',').map(Number);
const ways: readonly Way[] = [
  ...(knowsInpaint ? counts.slice(0, 2).map((each) => ({ told: true, passes: each })) : []),
  ...counts.filter((each) => each > 0).map((each) => ({ told: false, passes: each })),
];
const isKnown = (pixel: number): boolean => isDrawn[pixel] === 0;
const results: unknown[] = [];
for (const way of ways) {
  const started = performance.now();
  const [samples, others] = [await draw(way, 1), await draw(way, 2)];
  const seconds = (performance.now() - started) / 2000;
  const whole = samples.map((value, i) => (isKnown(i) ? truth[i] : value));
  const { classes } = await readImages(ruler, whole);
  const read = (100 * classes.filter((label, i) => label === labels[i]).length) / count;
  const isNew = (pixel: number): boolean => !isKnown(pixel);
  const result = {
    ...way,
    read,
    known: error(samples, truth, isKnown),
    seam: seam(whole) / seam(truth),
    truth: error(samples, truth, isNew),
    between: error(samples, others, isNew),
    seconds,
  };
  const name = `${way.told ? 'told what is known' : 'not told'}, ${way.passes === 0 ? 'nothing put back' : `put back, passes ${way.passes}`}`;
  console.log(
    `${name}: read ${read.toFixed(1)} %, known ${result.known.toFixed(3)}, seam ${result.seam.toFixed(2)}, truth ${result.truth.toFixed(3)}, between ${result.between.toFixed(3)}, ${seconds.toFixed(1)} s`,
  );
  results.push(result);
}
console.log(JSON.stringify({ run: folder, guidance, samples: count, results }));
