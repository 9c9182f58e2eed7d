// The public names for writing interpreters, backends and compiler passes (@tessera/tensor/extend).

/**
 * For those who extend the engine: the seam that every operation passes through ({@link apply}), the
 * instruction set ({@link primitives}, {@link composites}), programs and the passes over them
 * ({@link trace}, {@link simplify}, {@link fuse}, {@link planMemory}), and views.
 *
 * @module @tessera/tensor/extend
 */
export type { Backend, Executable, Storage } from './backends/backend.ts';
export type { Schedule } from './compile/fuse/fuse.ts';
export type {
  CallKernel,
  Expression,
  ExpressionNode,
  Kernel,
  MapKernel,
  ReduceKernel,
} from './plan/kernel.ts';
export { planMemory } from './compile/memory.ts';
export { recomputeAtPeak } from './compile/fuse/recompute.ts';
export { fuse, planProgram, type Pass } from './compile/pipeline.ts';
export { formatPlan } from './plan/format.ts';
export type { Plan, PlanBuffer, PlanOutput } from './plan/plan.ts';
export {
  checkProgram,
  formatProgram,
  programFlops,
  type Instruction,
  type Program,
  type Variable,
} from './compile/program.ts';
export { simplify } from './compile/simplify.ts';
export { trace, type TraceTarget } from './compile/trace.ts';
export type { Composite, Operation } from './composites/composite.ts';
export { composites, type CompositeName, type CompositeParams } from './composites/table.ts';
export {
  apply,
  currentInterpreter,
  expectSynchronous,
  withInterpreter,
  type Interpreter,
} from './interpreter.ts';
export type { DifferentiablePrimitive, Gradient } from './linalg/host-primitive.ts';
export { currentScope, Scope, withScope, type ScopeName } from './scope.ts';
export { convolutions } from './ops/product/convolutions.ts';
export type { Conv2dGeometry, Conv2dParams } from './primitives/conv2d.ts';
export type { GatherParams } from './primitives/gather.ts';
export type { MatmulParams } from './primitives/matmul.ts';
export type { AssemblyParams, MovementParams } from './primitives/movement.ts';
export type { PointwiseParams } from './primitives/pointwise.ts';
export type { ReduceParams } from './primitives/reduce.ts';
export type { SortParams } from './primitives/sort.ts';
export type { LiteralTable, SourceParams } from './primitives/source.ts';
export { scalarOf } from './primitives/pointwise.ts';
export {
  formatParams,
  type CompositeDeclaration,
  type Declaration,
  type NoParams,
  type Params,
  type PointwisePrimitive,
  type Primitive,
  type TensorSpec,
} from './primitives/primitive.ts';
export { primitives, type PrimitiveName, type PrimitiveParams } from './primitives/table.ts';
export {
  contiguousView,
  expandView,
  isContiguous,
  permuteView,
  reshapeView,
  sliceView,
  type View,
} from './array/view.ts';
export type { TensorValue } from './tensor.ts';
