import { describe, expect, it } from 'vitest';
import { loadMnist } from '@tessera/dit/node';
import { padImages, presetConfig } from '@tessera/dit';
import { askedOf } from '../../../packages/dit/src/evaluate/requests.ts';
import { firstDigits } from './first-digits.ts';

describe('what the samples of an evaluation are told', async () => {
  const digits = firstDigits(await loadMnist(), 'test', 6);
  const test = { ...padImages(digits, 32), labels: digits.labels };
  const { model } = presetConfig('smoke', { conditions: ['label', 'text', 'depth'] });

  it('is all that the model knows of the first test images, if nothing else is said', () => {
    const { labels, options, classes } = askedOf(model, test, 6);
    expect(labels).toEqual([...digits.labels]);
    expect(classes).toEqual(digits.labels);
    expect(options.openLabel).toBeUndefined();
    expect(Object.keys(options.conditions ?? {})).toEqual(['text', 'depth']);
  });

  it('is every class in turn, by the label alone', () => {
    const labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1];
    expect(askedOf(model, test, 12, ['label'])).toEqual({ labels, options: {}, classes: labels });
  });

  it('leaves the label open, by a text or a map alone', () => {
    const { labels, options, classes } = askedOf(model, test, 9, ['depth']);
    expect(labels).toHaveLength(6);
    expect(classes).toEqual(digits.labels);
    expect(options.openLabel).toBe(true);
    expect(options.conditions?.['depth']).toHaveLength(6 * 32 * 32);
    expect(askedOf(model, test, 3, [])).toEqual({
      labels: [0, 0, 0],
      options: { openLabel: true },
    });
  });
});
