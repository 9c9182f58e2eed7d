import { padImages } from '@tessera/dit';
import type { Mnist } from '@tessera/dit/node';

/** The first digits of a half of MNIST, as a run has them. */
export function firstDigits(mnist: Mnist, half: 'train' | 'test', count: number): Mnist['test'] {
  const { images, labels, rows, columns } = mnist[half];
  const some = { images: images.subarray(0, count * rows * columns), count, rows, columns };
  return { ...padImages(some, 32), labels: labels.subarray(0, count) };
}
