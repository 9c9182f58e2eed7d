import { trainDit } from './dit-training.ts';
import { refusesEval } from './policy.ts';
import { report } from './report.ts';

await report(
  'page',
  trainDit().then((result) => ({
    refusesEval: refusesEval(),
    isIsolated: crossOriginIsolated,
    result,
  })),
);
