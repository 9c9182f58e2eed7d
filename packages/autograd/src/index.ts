// The public names of @tessera/autograd.

/**
 * Reverse-mode differentiation of functions of tensors, to any order.
 *
 * - **Differentiate** with {@link grad}, {@link valueAndGrad}, {@link vjp}, {@link jvp}, {@link jacobian},
 *   {@link hessian} and {@link hvp}.
 * - **Look inside** with {@link record} and {@link formatGraph}, {@link graphToMermaid}, {@link showGraph},
 *   {@link explain}.
 * - **Change it** with {@link customVjp}, {@link checkpoint} and {@link stopGradient}; all rules stand in
 *   {@link vjpTable}.
 * - **Trust it** by {@link gradcheck}.
 *
 * @module @tessera/autograd
 */
export type { Argnums, ArgumentsAt } from './argnums.ts';
export { backward } from './backward.ts';
export { checkpoint } from './checkpoint.ts';
export {
  customVjp,
  type CustomApplication,
  type CustomRule,
  type CustomVjpOptions,
} from './custom-vjp.ts';
export { explain, type ExplainOptions } from './graph/explain.ts';
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
export {
  drawGraph,
  graphToDot,
  graphToMermaid,
  type ClosedBox,
  type GraphBox,
  type GraphDrawing,
  type GraphEdge,
  type OpenBox,
} from './graph/graph-drawing.ts';
export type { FoldOptions } from './graph/calls.ts';
export { showGraph, type ShowGraphOptions } from './graph/graph-page.ts';
export { formatGraph, type FormatGraphOptions } from './graph/graph-text.ts';
export { record, Recorder, type Graph, type Node, type Recording } from './graph/graph.ts';
export { hessian, type Hessians } from './hessian.ts';
export { hvp, jacobian, type Jacobians, type JacobianOptions } from './jacobian.ts';
export { jvp, type Jvp } from './jvp.ts';
export { Buffer, namedLeaves, type NamedLeaf } from './leaves.ts';
export {
  cotangentFormula,
  notDifferentiable,
  rule,
  type Application,
  type CotangentThunk,
  type NotDifferentiable,
  type VjpEntry,
  type VjpFunction,
  type VjpRule,
} from './vjp/rule.ts';
export { vjpEntry, vjpTable, type VjpTable } from './vjp/table.ts';
