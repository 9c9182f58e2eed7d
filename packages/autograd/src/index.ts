export { backward } from './backward.ts';
export {
  grad,
  stopGradient,
  valueAndGrad,
  vjp,
  type GradOptions,
  type ValueAndGrad,
  type ValueAuxAndGrad,
  type Vjp,
} from './grad.ts';
export {
  gradcheck,
  GradcheckError,
  type GradcheckEntry,
  type GradcheckOptions,
  type GradcheckReport,
} from './gradcheck.ts';
export { formatGraph, record, Recorder, type Graph, type Node, type Recording } from './graph.ts';
export { Buffer, namedLeaves, type NamedLeaf } from './leaves.ts';
export {
  notDifferentiable,
  type Application,
  type CotangentThunk,
  type NotDifferentiable,
  type VjpEntry,
  type VjpRule,
} from './vjp/rule.ts';
export { vjpEntry, vjpTable, type VjpTable } from './vjp/table.ts';
