import { refusesEval } from './policy.ts';
import { train } from './training.ts';

postMessage({ refusesEval: refusesEval(), result: await train() });
