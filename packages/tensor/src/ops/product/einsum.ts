// einsum: products and sums of tensors written as labelled axes, such as 'ij,jk->ik'.

import { checkTensors, kindOf } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { sizeOf } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';

/** A tensor with a label for every dimension. */
interface Term {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/**
 * Einstein summation: products of tensors, summed over every label that the output lacks.
 *
 * `'ij,jk->ik'` is the matrix product, `'bhqd,bhkd->bhqk'` the logits of attention, `'ii->i'` a diagonal,
 * `'ij->'` a sum, `'i,j->ij'` an outer product. Without `->` the output has the labels that occur once, in
 * alphabetical order. `...` stands for any further dimensions, which broadcast; without `->` the output has
 * them in front.
 *
 * Operands are combined from left to right. Each step is one batched matrix product (or an elementwise
 * product and a sum, if no label is left to multiply over). So order long products so that small results come
 * first.
 *
 * @param equation Labels are letters, one per dimension; spaces are ignored.
 * @param operands As many tensors as the equation has terms.
 * @returns float32.
 * @throws ValueError for an equation that cannot be read, ShapeError for operands that do not fit it.
 * @example
 * einsum('ij,kj->ik', ones([2, 3]), ones([4, 3])); // float32[2, 4]
 * einsum('ii->', tensor([[1, 2], [3, 4]])); // 5: the trace
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  if (typeof equation !== 'string') {
    throw new ValueError(
      'einsum',
      `the equation must be a string, but is ${kindOf(equation)}. It comes first: einsum('ij,jk->ik', a, b).`,
    );
  }
  operands.forEach((x, i) => {
    checkTensors('einsum', { [`operand ${i}`]: x });
  });
  const { inputs, output } = parse(equation, operands);
  const terms = operands.map((x, i) => diagonal({ x: x.cast('float32'), labels: inputs[i] }));
  const sizes = sizesOf(equation, terms);
  const [first, ...rest] = terms.map(({ x, labels }) => ({
    x: x.expand(labels.map((label) => sizes.get(label) ?? 1)),
    labels,
  }));
  const joined = rest.reduce((left, right, i) => {
    const later = new Set([...output, ...rest.slice(i + 1).flatMap(({ labels }) => labels)]);
    return contract(left, right, (label) => later.has(label));
  }, first);
  const { x, labels } = sumOut(joined, (label) => output.includes(label));
  return x.permute(output.map((label) => labels.indexOf(label)));
}

/** The product of two terms, summed over the labels that are not `needed`. */
function contract(a: Term, b: Term, needed: (label: string) => boolean): Term {
  const left = sumOut(a, (label) => needed(label) || b.labels.includes(label));
  const right = sumOut(b, (label) => needed(label) || a.labels.includes(label));
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter(needed);
  const inner = shared.filter((label) => !needed(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...rows, ...columns];
  if (inner.length === 0 || labels.length === batch.length) {
    const order = [...labels, ...inner];
    const product = align(left, order).mul(align(right, order));
    return sumOut({ x: product, labels: order }, needed);
  }
  const x = group(left, batch, rows, inner).matmul(group(right, batch, inner, columns)); // [...batch, M, N]
  const size = (label: string): number =>
    dimension(left.labels.includes(label) ? left : right, label);
  return { x: x.reshape(labels.map(size)), labels };
}

/** `[...batch, M, N]` with the dimensions of `rows` joined into M and those of `columns` into N. */
function group(
  term: Term,
  batch: readonly string[],
  rows: readonly string[],
  columns: readonly string[],
): Tensor {
  const join = (labels: readonly string[]): number =>
    sizeOf(labels.map((label) => dimension(term, label)));
  return align(term, [...batch, ...rows, ...columns]).reshape([
    ...batch.map((label) => dimension(term, label)),
    join(rows),
    join(columns),
  ]);
}

/** The term's dimensions in the order of `labels`, with size 1 for labels that it lacks. */
function align(term: Term, labels: readonly string[]): Tensor {
  const own = labels.filter((label) => term.labels.includes(label));
  return term.x
    .permute(own.map((label) => term.labels.indexOf(label)))
    .reshape(labels.map((label) => (own.includes(label) ? dimension(term, label) : 1)));
}

function dimension({ x, labels }: Term, label: string): number {
  return x.shape[labels.indexOf(label)];
}

/** Sums over the labels that are not kept. */
function sumOut({ x, labels }: Term, keep: (label: string) => boolean): Term {
  const axes = labels.flatMap((label, i) => (keep(label) ? [] : [i]));
  return { x: x.sum(axes), labels: labels.filter(keep) };
}

/** Replaces two dimensions of one label by their diagonal: a stride over the flattened square. */
function diagonal(term: Term): Term {
  const { x, labels } = term;
  const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (second < 0) return term;
  const first = labels.indexOf(labels[second]);
  const [n, m] = [x.shape[first], x.shape[second]];
  if (n !== m) {
    throw new ShapeError(
      'einsum',
      `label ${labels[second]} stands for sizes ${n} and ${m} of ${formatShape(x.shape)}.`,
      [x.shape],
    );
  }
  const rest = labels.map((_, i) => i).filter((i) => i !== first && i !== second);
  const flat = x.permute([...rest, first, second]).reshape([...rest.map((i) => x.shape[i]), n * n]);
  return diagonal({
    x: flat.slice([...rest.map(() => null), [null, null, n + 1]]),
    labels: [...rest.map((i) => labels[i]), labels[first]],
  });
}

/** The size of every label. Sizes of `...` may be 1 in some operands. */
function sizesOf(equation: string, terms: readonly Term[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { x, labels } of terms) {
    for (const [i, label] of labels.entries()) {
      const n = x.shape[i];
      const known = sizes.get(label);
      const stretches = label.startsWith('.') && (n === 1 || known === 1);
      if (known !== undefined && known !== n && !stretches) {
        const shapes = terms.map((term) => term.x.shape);
        throw new ShapeError(
          'einsum',
          `sizes ${known} and ${n} of label ${label} clash in '${equation}' with operands ${shapes.map(formatShape).join(' and ')}.`,
          shapes,
        );
      }
      if (known === undefined || known === 1) sizes.set(label, n);
    }
  }
  return sizes;
}

/** The labels of each operand and of the output. Those of `...` are `...0`, `...1`, … from the right. */
function parse(
  equation: string,
  operands: readonly Tensor[],
): { readonly inputs: readonly (readonly string[])[]; readonly output: readonly string[] } {
  const [left, right, ...more] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const isTerm = (term: string): boolean => /^[a-z]*(?:\.{3}[a-z]*)?$/i.test(term);
  if (
    more.length > 0 ||
    ![...terms, right ?? ''].every(isTerm) ||
    terms.length !== operands.length
  ) {
    throw new ValueError(
      'einsum',
      `'${equation}' is no equation for ${operands.length} operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.`,
    );
  }
  const dots = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `...${count - 1 - i}`);
  const labelsOf = (term: string, count: number): string[] =>
    (term.match(/\.{3}|[a-z]/gi) ?? []).flatMap((part) => (part === '...' ? dots(count) : [part]));
  let widest = 0;
  const inputs = terms.map((term, i) => {
    const { rank, shape } = operands[i];
    const spare = rank - term.replace('...', '').length;
    if (spare < 0 || (spare > 0 && !term.includes('...'))) {
      throw new ShapeError(
        'einsum',
        `term '${term}' of '${equation}' does not fit ${formatShape(shape)} of rank ${rank}.`,
        [shape],
      );
    }
    widest = Math.max(widest, spare);
    return labelsOf(term, spare);
  });
  const all = inputs.flat();
  const once = [...new Set(all)].filter(
    (label) => all.indexOf(label) === all.lastIndexOf(label) && !label.startsWith('.'),
  );
  const output = right === undefined ? [...dots(widest), ...once.sort()] : labelsOf(right, widest);
  const wrong = output.find((label, i) => !all.includes(label) || output.indexOf(label) < i);
  if (wrong !== undefined) {
    throw new ValueError(
      'einsum',
      `label ${wrong} of the output of '${equation}' is in no operand, or named twice.`,
    );
  }
  return { inputs, output };
}
