// Plans and kernels as text that fits a page.

import { isContiguous, permuteView, contiguousView, formatView, type View } from '../array/view.ts';
import { sameShape, type Shape } from '../array/shape.ts';
import { formatNumber, formatParams } from '../primitives/primitive.ts';
import type { Expression, Kernel, Operand } from './kernel.ts';
import type { Place, Plan } from './plan.ts';

/** Columns of a printed plan. */
const WIDTH = 100;

/** The letters of a buffer's name, by the kind of its place. */
const LETTERS: Readonly<Record<Place['kind'], string>> = {
  input: 'in',
  constant: 'const',
  output: 'out',
  arena: 'tmp',
};

/**
 * Prints a plan, one kernel after the other, at most 100 columns wide. The kernel that writes a scratch buffer
 * first shows the byte at which it begins, `tmp3@64`. A line `# …` names the modules of which the kernels below
 * it compute parts.
 *
 * @example
 * const { plan } = compile((x: Tensor) => x.mul(2).exp()).stages(zeros([3])); // printed by formatPlan
 * plan.split('\n')[0]; // 'plan: 1 kernel, arena 0 bytes'
 */
export function formatPlan({ arenaBytes, buffers, kernels, outputs }: Plan): string {
  const written = new Set<number>();
  const nameOf = (buffer: number): string => {
    const { place } = buffers[buffer];
    return `${LETTERS[place.kind]}${place.kind === 'arena' ? buffer : place.index}`;
  };
  const nameOfResult = (buffer: number): string => {
    const { place } = buffers[buffer];
    const isFirst = place.kind === 'arena' && !written.has(buffer);
    written.add(buffer);
    return isFirst ? `${nameOf(buffer)}@${place.offset}` : nameOf(buffer);
  };
  const donations = outputs.flatMap(({ donatedInput }, i) =>
    donatedInput === null ? [] : [`  out${i} takes over in${donatedInput}`],
  );
  const lines = kernels.flatMap((kernel, i) => {
    const line = wrap(`  ${formatKernel(kernel, nameOf, nameOfResult)}`);
    const origin = originOf(kernel);
    return i === 0 ? [origin, line] : [origin === originOf(kernels[i - 1]) ? '' : origin, line];
  });
  const count = `${kernels.length} ${kernels.length === 1 ? 'kernel' : 'kernels'}`;
  const text = [`plan: ${count}, arena ${arenaBytes} bytes`, ...donations, ...lines];
  return text.filter((line) => line !== '').join('\n');
}

/** The line that names the modules whose operations a kernel computes; empty if there are none. */
function originOf({ scopes = [] }: Kernel): string {
  return scopes.length === 0 ? '' : wrap(`  # ${scopes.join(', ')}`);
}

/**
 * Prints a kernel as one line, with its expression as a formula. An operand of the computed shape is printed
 * as its name alone; `[2, 3]ᵀ` is the transpose of `[2, 3]`.
 *
 * @param nameOf Gives the name of a buffer.
 * @param nameOfResult Gives the name of a buffer that the kernel writes. Default: `nameOf`.
 */
export function formatKernel(
  kernel: Kernel,
  nameOf: (buffer: number) => string,
  nameOfResult: (buffer: number) => string = nameOf,
): string {
  const results = kernel.outputs
    .map(({ buffer, dtype, view }) => `${nameOfResult(buffer)}: ${dtype}${formatWindow(view)}`)
    .join(', ');
  const operand = ({ buffer, view }: Operand): string => `${nameOf(buffer)}${formatWindow(view)}`;
  if (kernel.kind === 'call') {
    const { operation, params, epilogue, inputs } = kernel;
    const operands = inputs.slice(0, epilogue?.operands).map(operand).join(', ');
    const call = [`${operation.name}(${operands})`, formatParams(params)].join(' ').trim();
    if (epilogue === undefined) return `${results} = ${call}`;
    const rest = inputs.slice(epilogue.operands).map(operandOf(epilogue.shape, nameOf));
    const body = formatExpression(epilogue.expression, ['y', ...rest]);
    return `${results} = y = ${call}; [${epilogue.shape.join(', ')}] ${body}`;
  }
  const inputs = kernel.inputs.map(operandOf(kernel.shape, nameOf));
  const body = formatExpression(kernel.expression, inputs);
  const space = `[${kernel.shape.join(', ')}]`;
  if (kernel.kind === 'map') return `${results} = map ${space} ${body}`;
  return `${results} = ${kernel.primitive.name} over [${kernel.axes.join(', ')}] of ${space} ${body}`;
}

/** Returns the printer of operands of a kernel that walks `shape`. */
function operandOf(shape: Shape, nameOf: (buffer: number) => string): (operand: Operand) => string {
  return ({ buffer, view }) =>
    sameShape(view.shape, shape) && isContiguous(view) && view.offset === 0
      ? nameOf(buffer)
      : `${nameOf(buffer)}${formatWindow(view)}`;
}

/** Prints a view; as the transpose of a row-major view if it is one. */
function formatWindow(view: View): string {
  const { shape, offset } = view;
  const rank = shape.length;
  if (rank < 2 || offset !== 0 || isContiguous(view)) return formatView(view);
  const axes = [...shape.keys()].slice(0, -2).concat(rank - 1, rank - 2);
  const stored = axes.map((axis) => shape[axis]);
  const transposed = permuteView(contiguousView(stored), axes);
  return transposed.strides.every((stride, i) => stride === view.strides[i])
    ? `[${stored.join(', ')}]ᵀ`
    : formatView(view);
}

/** Prints an expression as nested calls; values used more than once get a name first. */
function formatExpression({ nodes, results }: Expression, inputs: readonly string[]): string {
  const uses = nodes.map(() => 0);
  for (const node of nodes) if (node.kind === 'apply') for (const arg of node.args) uses[arg]++;
  for (const result of results) uses[result]++;
  const names = new Map<number, string>();
  const definitions: string[] = [];
  const text = (index: number): string => {
    const node = nodes[index];
    if (node.kind === 'load') return inputs[node.input];
    if (node.kind === 'literal') return formatNumber(node.value);
    const known = names.get(index);
    if (known !== undefined) return known;
    const args = node.args.map(text);
    const params = formatParams(node.params);
    const body = `${node.primitive.name}(${[...args, ...(params === '' ? [] : [params])].join(', ')})`;
    if (uses[index] < 2) return body;
    const name = `t${names.size}`;
    names.set(index, name);
    definitions.push(`${name} = ${body}`);
    return name;
  };
  const bodies = results.map(text).join(', ');
  return [...definitions, bodies].join('; ');
}

/** Breaks a line at {@link WIDTH} columns, after a comma, semicolon or equals sign outside of shapes. */
function wrap(line: string): string {
  const lines = [''];
  for (const part of line.split(/(?<=[,;=] )(?![^[]*\])/)) {
    const current = lines[lines.length - 1];
    if (current !== '' && (current + part).trimEnd().length > WIDTH) lines.push(`      ${part}`);
    else lines[lines.length - 1] += part;
  }
  return lines.map((text) => text.trimEnd()).join('\n');
}
