// Writes a folder of coloured digits as PNG files, one folder for each class, for `tessera train --data`.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { loadMnist, type DigitSet } from '@tessera/dit/node';

/** Names of the classes, in the order of their labels. */
const NAMES = 'zero one two three four five six seven eight nine'.split(' ');

/** Steps of the hue by the golden ratio, so that neighbours differ and no hue comes twice. */
const GOLDEN = 0.618034;

/** The PNG of a digit of MNIST in a colour: light ink of one hue on black. */
function colouredDigit({ images, rows, columns }: DigitSet, digit: number): Uint8Array {
  const hue = (digit * GOLDEN) % 1;
  const ink = [0, 1, 2].map((channel) => 0.5 + 0.5 * Math.cos(2 * Math.PI * (hue + channel / 3)));
  const size = rows * columns;
  const data = Uint8Array.from({ length: 3 * size }, (_, i) =>
    Math.round(images[digit * size + Math.floor(i / 3)] * ink[i % 3]),
  );
  return encode({ width: columns, height: rows, channels: 3, data });
}

// node … examples/09-coloured-digits.ts FOLDER COUNT
const [folder = 'coloured-digits', count = '60'] = process.argv.slice(2);
const { train } = await loadMnist();
for (let digit = 0; digit < Math.min(Number(count), train.count); digit++) {
  const place = join(folder, NAMES[train.labels[digit]]);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, `${digit}.png`), colouredDigit(train, digit));
}
console.log(`Wrote ${count} digits into ${folder}. Now: tessera train --data ${folder}`);
