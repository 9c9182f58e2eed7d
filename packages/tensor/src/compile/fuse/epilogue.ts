// Moves pointwise work into the kernel of the product whose result it reads.

import { sizeOf, type Shape } from '../../array/shape.ts';
import { mergeRuns } from '../../array/view.ts';
import type { Group, GroupGraph } from './group-graph.ts';
import { isWhole, windowsOf, type CallBody, type MapBody, type Window } from './group.ts';

/**
 * Moves a map into the call whose result it alone reads, as the call's epilogue. So the bias, the activation
 * and the residual of a linear layer are computed together with the product.
 *
 * @param names The operations whose kernels take epilogues.
 */
export function fuseEpilogues(graph: GroupGraph, names: ReadonlySet<string>): void {
  for (const group of graph.inProgramOrder()) {
    const { body } = group;
    if (body.kind !== 'map') continue;
    const calls = windowsOf(body)
      .map(({ buffer }) => graph.makerOf(buffer))
      .filter((maker): maker is Group & { body: CallBody } => maker?.body.kind === 'call')
      .filter((maker) => takes(graph, names, group, body, maker.body));
    const last = calls.sort((a, b) => b.order - a.order).at(0);
    if (last === undefined || !graph.isOnlyReader(group, last)) continue;
    const { shape, atoms } = body;
    graph.replace(group, { ...last.body, epilogue: { shape, atoms } }, [last]);
  }
}

/** Whether the kernel of `call` can do the work of `map` on its result, row by row. */
function takes(
  graph: GroupGraph,
  names: ReadonlySet<string>,
  group: Group,
  map: MapBody,
  { operation, outputs, epilogue }: CallBody,
): boolean {
  const rowAxes = operation.kind === 'kernel' ? operation.rowAxes : undefined;
  if (!names.has(operation.name) || rowAxes === undefined || epilogue !== undefined) return false;
  const [{ buffer, shape }] = outputs;
  const rowSize = sizeOf(shape.slice(-rowAxes));
  const axes = trailingAxes(map.shape, rowSize);
  const firstStored = map.atoms.find((atom) => isStored(graph, atom.buffer, group));
  return (
    outputs.length === 1 &&
    axes !== null &&
    rowSize > 0 &&
    sizeOf(map.shape) === sizeOf(shape) &&
    firstStored?.dtype === 'float32' &&
    windowsOf(map).every((window) =>
      window.buffer === buffer
        ? window.separate !== true && isWhole(window.view, graph.sizeOfBuffer(buffer))
        : isOneRun(window, axes),
    )
  );
}

/** How many of the last axes together hold `size` elements; `null` if no number of them does. */
function trailingAxes(shape: Shape, size: number): number | null {
  let product = 1;
  for (let axes = 0; axes <= shape.length; axes++) {
    if (product === size) return axes;
    product *= shape[shape.length - 1 - axes];
  }
  return null;
}

/** Whether a single stride walks the last axes of a window. */
function isOneRun({ view }: Window, axes: number): boolean {
  if (axes === 0) return true;
  const { shape, strides } = view;
  return mergeRuns({ shape: shape.slice(-axes), strides: strides.slice(-axes) }).length <= 1;
}

function isStored(graph: GroupGraph, buffer: number, group: Group): boolean {
  return graph.isOutput(buffer) || graph.isReadBesides(buffer, group);
}
