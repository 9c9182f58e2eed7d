import { describe, expect, it } from 'vitest';
import { compareRows, headline } from '../../benchmarks/compare/ratios.ts';
import { rowOf } from './rows.ts';

const rows = [
  rowOf('tessera', 1, 4, { gflops: 40 }),
  rowOf('tessera', 2, 2, { gflops: 80 }),
  rowOf('jax-js', 1, 30),
  rowOf('jax-js', 2, 20),
  rowOf('tfjs', 1, 12),
  rowOf('js-pytorch', 1, null, { note: 'absent' }),
  rowOf('pytorch', 1, 5),
  rowOf('pytorch', 2, 2.5),
];

const tessera = rowOf('tessera', 2, 8);
const old = rowOf('pytorch', 2, 4, { instance: '1.13.0' });
const recent = rowOf('pytorch', 2, 2, { instance: '2.13.0' });
const absent = rowOf('pytorch-compile', 2, null, { instance: '1.13.0', note: 'absent' });
const compiled = rowOf('pytorch-compile', 2, 1, { instance: '2.13.0' });

describe('compareRows', () => {
  it('compares with Tessera and PyTorch of as many threads', () => {
    const { references, rows: compared } = compareRows(rows);
    expect(references).toEqual(['tessera', 'pytorch']);
    expect(compared.map(({ ratios }) => ratios)).toEqual([
      [1, 0.8],
      [1, 0.8],
      [7.5, 6],
      [10, 8],
      [3, 2.4],
      [null, null],
      [1.25, 1],
      [1.25, 1],
    ]);
  });

  it('compares with each PyTorch that has a time', () => {
    const { references, rows: compared } = compareRows([tessera, old, recent, absent, compiled]);
    expect(references).toEqual([
      'tessera',
      'pytorch 1.13.0',
      'pytorch 2.13.0',
      'pytorch-compile 2.13.0',
    ]);
    expect(compared.map(({ ratios }) => ratios)).toEqual([
      [1, 2, 4, 8],
      [0.5, 1, 2, 4],
      [0.25, 0.5, 1, 2],
      [null, null, null, null],
      [0.125, 0.25, 0.5, 1],
    ]);
  });
});

describe('headline', () => {
  it('compares with the fastest peer at any thread count, with PyTorch, and with the peak', () => {
    const peaks = [
      rowOf('wasm-peak', 1, 9, { gflops: 45 }),
      rowOf('wasm-peak', 1, 8, { gflops: 50 }),
      rowOf('wasm-peak', 2, 8, { gflops: 100 }),
    ];
    expect(headline(rows, peaks)).toEqual([
      'add: tessera with 2 threads is 6.00 times as fast as tfjs with 1 thread',
      'add: tessera with 2 threads takes 0.80 times as long as pytorch with 2 threads',
      'add: tessera with 1 thread reaches 80 % of the wasm peak',
      'add: tessera with 2 threads reaches 80 % of the wasm peak',
    ]);
  });

  it('compares with each PyTorch on the CPU', () => {
    const cuda = rowOf('pytorch-cuda', 2, 1, { instance: '2.13.0' });
    expect(headline([tessera, old, recent, absent, compiled, cuda], [])).toEqual([
      'add: tessera with 2 threads takes 2.00 times as long as pytorch 1.13.0 with 2 threads',
      'add: tessera with 2 threads takes 4.00 times as long as pytorch 2.13.0 with 2 threads',
      'add: tessera with 2 threads takes 8.00 times as long as pytorch-compile 2.13.0 with 2 threads',
    ]);
  });

  it('says nothing without a time of Tessera, and no more than there is', () => {
    expect(headline([rowOf('tfjs', 1, 12)], [])).toEqual([]);
    expect(headline([rowOf('tessera', 1, 12)], [])).toEqual([]);
  });
});
