import * as autograd from '@tessera/autograd';
import * as debug from '@tessera/autograd/debug';
import { ones, scalar, Tensor, tensor } from '@tessera/tensor';
import { rowsOf, type Row } from '../misuse.ts';

const x = tensor([1, 2, 3]);
/** Takes whatever it is given: what is refused is refused before it is called. */
const f = (at: unknown): Tensor => (at instanceof Tensor ? at.square().sum() : scalar(1));
const { graph } = autograd.record(f, x);

/** A row for every public function of the package. */
export const autogradRows: readonly Row[] = rowsOf(autograd, {
  Buffer: [x],
  checkpoint: [f],
  customVjp: [f, () => [null], { name: 'f', formula: 'x̄ = 0' }],
  explain: [f, [x], { path: '0' }],
  formatGraph: [graph, { depth: 1, open: [], values: true }],
  drawGraph: [graph, { depth: 1, open: [] }],
  grad: [f, 0],
  gradcheck: [f, [x], { order: 1, step: 1e-2, tolerance: 1e-2, directions: 1, seed: 0 }],
  graphToDot: [graph, { depth: 1, open: [] }],
  graphToMermaid: [graph, { depth: 1, open: [] }],
  hessian: [f, { argnums: 0 }],
  hvp: [f, x, ones([3])],
  jacobian: [f, { argnums: [0] }],
  jvp: [f, [x], [ones([3])]],
  namedLeaves: [[x]],
  record: [f, x],
  showGraph: [f, [x], { depth: 1, open: [], values: true, title: 'f' }],
  stopGradient: [x],
  valueAndGrad: [f, { argnums: 0, hasAux: false }],
  vjp: [f, x],
});

/** A row for every public function of the entry for finding what went wrong. */
export const debugRows: readonly Row[] = rowsOf(debug, { detectAnomaly: [f] });
