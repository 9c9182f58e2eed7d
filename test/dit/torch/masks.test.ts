/** The masks of inpainting are the same in both engines. */
import { describe, expect, it, vi } from 'vitest';
import { trainingMask } from '../../../packages/dit/src/data/measures/masks.ts';
import { ended, heading, programs, python, startPython } from './python.ts';

vi.setConfig({ testTimeout: 120_000 });

const [SIZES, IMAGES, EPOCHS] = [[8, 28, 32], 60, 3];

describe(`${heading}: masks`, () => {
  it.skipIf(python === null)('are those of Tessera, pixel by pixel', async () => {
    const code = `
import sys
sys.path.insert(0, sys.argv[1])
from masks import training_mask
for size in ${JSON.stringify(SIZES)}:
    for image in range(${IMAGES}):
        for epoch in range(${EPOCHS}):
            print("".join("01"[int(bit)] for bit in training_mask(size, image * 997, epoch).flat))
`;
    const { code: exit, stdout, stderr } = await ended(startPython('-c', code, programs));
    if (exit !== 0) throw new Error(stderr);
    const own = SIZES.flatMap((size) =>
      Array.from({ length: IMAGES * EPOCHS }, (_, i) =>
        trainingMask(size, Math.floor(i / EPOCHS) * 997, i % EPOCHS).join(''),
      ),
    );
    expect(stdout.trimEnd().split('\n')).toEqual(own);
  });
});
