import { dropResults } from './eager.ts';

postMessage(await dropResults());
