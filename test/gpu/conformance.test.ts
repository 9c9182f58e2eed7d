import { describeConformance } from '../ops/conformance-suite.ts';
import { modesUnderTest } from './modes.ts';

// Every shape is a kernel to compile, so few runs. exp, log and pow of a GPU are off by about 1e-6,
// which what follows enlarges.
for (const mode of modesUnderTest()) {
  describeConformance({ ...mode, name: `gpu (${mode.name})`, tolerance: 1e-5, share: 2 });
}
