// The elements of tensors for a page: in a few words, or as rows and columns of numbers.

import { formatSpec, type Tensor, type TypedArray } from '@tessera/tensor';
import type { Numbers } from '../code-messages.ts';

/** Elements that a preview names. */
const PREVIEWED = 3;

/** Rows and columns that a page shows at most. */
const MOST_ROWS = 64;

const previews = new WeakMap<Tensor, string>();

/** What a tensor holds, in a few words: its elements if they are few, else mean ± deviation. */
export function previewOf(x: Tensor): string {
  let text = previews.get(x);
  if (text === undefined) {
    const elements = x.dataSync();
    if (elements.length <= PREVIEWED) text = Array.from(elements, short).join(', ');
    else {
      const { mean, deviation } = moments(elements);
      text = `${short(mean)} ± ${short(deviation)}`;
    }
    previews.set(x, text);
  }
  return text;
}

/** A tensor as a table: its last axis goes to the right, all others downwards. */
export function numbersOf(x: Tensor): Numbers {
  const elements = x.dataSync();
  const columns = x.shape.at(-1) ?? 1;
  const rows = columns === 0 ? 0 : elements.length / columns;
  const [shownRows, shownColumns] = [Math.min(rows, MOST_ROWS), Math.min(columns, MOST_ROWS)];
  const values = new Float32Array(shownRows * shownColumns);
  for (let row = 0; row < shownRows; row++) {
    for (let column = 0; column < shownColumns; column++) {
      values[row * shownColumns + column] = elements[row * columns + column];
    }
  }
  return {
    spec: formatSpec(x),
    rows: shownRows,
    columns: shownColumns,
    values,
    isPart: values.length < elements.length,
    ...moments(elements),
  };
}

type Moments = Pick<Numbers, 'least' | 'most' | 'mean' | 'deviation' | 'norm' | 'notFinite'>;

function moments(elements: TypedArray): Moments {
  let [least, most, sum, squares, notFinite] = [Infinity, -Infinity, 0, 0, 0];
  for (const element of elements) {
    if (!Number.isFinite(element)) notFinite++;
    least = Math.min(least, element);
    most = Math.max(most, element);
    sum += element;
    squares += element * element;
  }
  const mean = sum / elements.length;
  const deviation = Math.sqrt(Math.max(0, squares / elements.length - mean * mean));
  return { least, most, mean, deviation, norm: Math.sqrt(squares), notFinite };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
