import { report } from './report.ts';
import { drawSamples } from './sampling.ts';

await report('page', drawSamples());
