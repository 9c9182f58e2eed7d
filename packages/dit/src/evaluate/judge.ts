// Scores a model while it trains: a few samples, always of the same requests, beside the test images.

import { scalePixels } from '../data/batches.ts';
import type { AnnotatedImages } from '../data/data-set.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { Judge } from '../train/evaluation/judge.ts';
import { featureMoments } from './features.ts';
import { frechetFrom } from './frechet.ts';
import { precisionRecall } from './manifold.ts';
import { shareEqual, someFeatures } from './reference.ts';
import { askedOf } from './requests.ts';
import { readImages, type Ruler } from './ruler.ts';

/**
 * A judge of the models of a training. It reads the test images once. A Fréchet distance of few samples is larger than
 * that of many, so its scores compare with each other alone.
 *
 * @param samples how many samples a look takes
 */
export async function createJudge(
  model: ModelConfig,
  ruler: Ruler,
  test: AnnotatedImages,
  samples: number,
): Promise<Judge> {
  const { features } = await readImages(ruler, scalePixels(test.images));
  const distanceOf = frechetFrom(featureMoments(features));
  const { labels, options, classes: wanted } = askedOf(model, test, samples);
  const neighbours = someFeatures(features, labels.length);
  return async (draw) => {
    const { features: drawn, classes } = await readImages(
      ruler,
      await draw({ labels, ...options }),
    );
    return {
      ...(wanted !== undefined && { accuracy: shareEqual(classes, wanted) }),
      fcd: distanceOf(featureMoments(drawn)),
      ...precisionRecall(drawn, neighbours),
    };
  };
}
