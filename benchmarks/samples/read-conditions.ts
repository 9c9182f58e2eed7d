// `npm run bench:conditions`: how well the samples of a run agree with the text or the depth that was asked.

/**
 * `npm run bench:conditions -- FOLDER [COUNT] [GUIDANCE]` measures a run that reads text, a run that knows depth,
 * or both:
 *
 * - text: COUNT samples of each combination of digit, weight and lean that training held out. The package's
 *   ruler reads the digit. Weight and lean are measured from the strokes of the sample.
 * - depth: COUNT / 10 samples of the map of each of 100 test digits. The agreement is the intersection over union
 *   of the sample's ink and the map's. The diversity is the mean difference of two samples of one map, in grey
 *   levels where either has ink; the same for two test digits of one class is its scale.
 *
 * It prints a line for each, and then all of it as JSON. The wanted values are those of the JSON's `wanted`.
 */
import { encodeTexts, padImages, unscalePixels } from '@tessera/dit';
import {
  captionOf,
  conditionMap,
  heldOutCombinations,
  loadMnist,
  readImages,
  readRuler,
  readRun,
  strokeOf,
  strokeWords,
  type DigitSet,
} from '@tessera/dit/node';

/** Side of a digit with its margin. */
const SIDE = 32;
const PIXELS = SIDE ** 2;
/** Pixels from this byte on are ink, as for the measures of strokes. */
const INK = 128;
const MAPS = 100;
const WANTED = { digit: 95, weight: 85, lean: 85, iou: 0.8 };

type Run = Awaited<ReturnType<typeof readRun>>;

/** The images of a list of pixels, one by one. */
function imagesOf(pixels: Uint8Array | Uint8ClampedArray): Uint8Array[] {
  return Array.from({ length: pixels.length / PIXELS }, (_, i) =>
    Uint8Array.from(pixels.subarray(i * PIXELS, (i + 1) * PIXELS)),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The values of a condition of a run, or `undefined`. */
function conditionNamed(run: Run, name: string) {
  return run.config.model.conditions?.find((condition) => condition.name === name);
}

/** Percent of values that are those asked for. */
function percentRight(found: ArrayLike<unknown>, asked: ArrayLike<unknown>): number {
  const right = Array.from(found).filter((each, i) => each === asked[i]).length;
  return (100 * right) / found.length;
}

async function readTexts(run: Run, count: number, guidance: number) {
  const text = conditionNamed(run, 'text');
  if (text?.kind !== 'text') return undefined;
  const asked = heldOutCombinations().flatMap((combination, row) =>
    Array.from({ length: count }, (_, i) => ({ ...combination, phrasing: row + i })),
  );
  const captions = asked.map(({ digit, phrasing, ...words }) => captionOf(digit, words, phrasing));
  const labels = asked.map(({ digit }) => (run.config.model.numClasses > 0 ? digit : 0));
  const conditions = { text: encodeTexts(captions, text.length, text.words) };
  const drawn = await run.draw(labels, { conditions, guidance, seed: 1 });
  const words = imagesOf(unscalePixels(drawn)).map((image) =>
    strokeWords(strokeOf(image, SIDE, SIDE)),
  );
  const { classes } = await readImages(await readRuler(), drawn);
  const [digits, weights, leans] = [
    [classes, asked.map(({ digit }) => digit)],
    [words.map(({ weight }) => weight), asked.map(({ weight }) => weight)],
    [words.map(({ lean }) => lean), asked.map(({ lean }) => lean)],
  ];
  const result = {
    samples: asked.length,
    digit: percentRight(digits[0], digits[1]),
    weight: percentRight(weights[0], weights[1]),
    lean: percentRight(leans[0], leans[1]),
    wanted: { digit: WANTED.digit, weight: WANTED.weight, lean: WANTED.lean },
  };
  const percents = `${result.digit.toFixed(1)} % digit, ${result.weight.toFixed(1)} % thickness, ${result.lean.toFixed(1)} % slant`;
  console.log(`text, guidance ${guidance}, ${asked.length} samples held out: ${percents} as asked`);
  return result;
}

/** Intersection over union of the pixels of two images that are ink. */
function overlap(image: Uint8Array, isInk: (pixel: number) => boolean): number {
  let [both, either] = [0, 0];
  image.forEach((byte, pixel) => {
    const [a, b] = [byte >= INK, isInk(pixel)];
    if (a && b) both++;
    if (a || b) either++;
  });
  return both / either;
}

/** Mean difference of two images in grey levels, over the pixels where either has ink. */
function difference(a: Uint8Array, b: Uint8Array): number {
  const pixels = Array.from(a.keys()).filter((pixel) => Math.max(a[pixel], b[pixel]) >= INK);
  return mean(pixels.map((pixel) => Math.abs(a[pixel] - b[pixel])));
}

async function readMaps(run: Run, test: DigitSet, count: number, guidance: number) {
  if (conditionNamed(run, 'depth')?.kind !== 'map') return undefined;
  const each = Math.max(2, Math.round(count / 10));
  const digits = imagesOf(test.images.subarray(0, MAPS * PIXELS));
  const maps = digits.map((digit) => conditionMap('depth', digit, SIDE));
  const depth = new Float32Array(MAPS * each * PIXELS);
  for (let i = 0; i < MAPS * each; i++) depth.set(maps[Math.floor(i / each)], i * PIXELS);
  const labels = Array.from({ length: MAPS * each }, (_, i) =>
    run.config.model.numClasses > 0 ? test.labels[Math.floor(i / each)] : 0,
  );
  const drawn = await run.draw(labels, { conditions: { depth }, guidance, seed: 1 });
  const samples = imagesOf(unscalePixels(drawn));
  const overlaps = samples.map((sample, i) => {
    const map = maps[Math.floor(i / each)];
    return overlap(sample, (pixel) => map[pixel] > 0);
  });
  const pairs = samples.flatMap((sample, i) =>
    i % each === 0 ? [] : [difference(samples[i - 1], sample)],
  );
  const others = digits.flatMap((digit, i) => {
    const next = digits.findIndex((_, j) => j > i && test.labels[j] === test.labels[i]);
    return next === -1 ? [] : [difference(digit, digits[next])];
  });
  const result = {
    samples: samples.length,
    iou: mean(overlaps),
    leastIou: Math.min(...overlaps),
    diversity: mean(pairs),
    diversityOfDigits: mean(others),
    wanted: { iou: WANTED.iou },
  };
  console.log(
    `depth, guidance ${guidance}, ${samples.length} samples of ${MAPS} test maps: IoU ${result.iou.toFixed(3)} (least ${result.leastIou.toFixed(3)}), two samples of a map differ by ${result.diversity.toFixed(1)} grey levels, two digits of a class by ${result.diversityOfDigits.toFixed(1)}`,
  );
  return result;
}

const [folder, count = '100', scale] = process.argv.slice(2);
if (
  folder === undefined ||
  !(Number(count) >= 10) ||
  (scale !== undefined && !(Number(scale) >= 0))
) {
  process.stderr.write(
    'error: usage: npm run bench:conditions -- FOLDER [COUNT, at least 10] [GUIDANCE]\n',
  );
  process.exit(2);
}
const run = await readRun(folder);
const guidance = scale === undefined ? run.config.sampling.guidance : Number(scale);
const mnist = await loadMnist();
const test = { ...padImages(mnist.test, SIDE), labels: mnist.test.labels };
const text = await readTexts(run, Number(count), guidance);
const depth = await readMaps(run, test, Number(count), guidance);
if (text === undefined && depth === undefined) {
  process.stderr.write(`error: the run ${folder} knows neither text nor depth\n`);
  process.exit(2);
}
console.log(JSON.stringify({ run: folder, guidance, text, depth }));
