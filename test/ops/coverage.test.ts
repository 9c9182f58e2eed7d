import * as nn from '@tessera/autograd/nn';
import * as api from '@tessera/tensor';
import { cpuBackend, Tensor, type Storage } from '@tessera/tensor';
import { composites, primitives, trace } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rows } from './cases.ts';
import { rowName, type OpRow } from './row.ts';

/** Functions and methods without a row, each with the reason. */
const withoutRow: Readonly<Record<string, string>> = {
  ...because('makes a tensor of numbers that are given', [
    'full',
    'key',
    'ones',
    'scalar',
    'tensor',
    'zeros',
  ]),
  ...because('frees memory', ['dispose']),
  ...because('is about bytes', [
    'decodeSafetensors',
    'encodeSafetensors',
    'fromImageData',
    'fromNpy',
    'npyDType',
    'npyHeader',
    'openSafetensors',
    'toImageData',
    'toNpy',
  ]),
  ...because('is about texts', ['excerpt', 'parseJson']),
  ...because('is about arguments', [
    'checkFunction',
    'checkList',
    'checkOptions',
    'checkTensors',
    'kindOf',
  ]),
  ...because('is about shapes', ['broadcastShapes', 'formatShape', 'formatSpec', 'sizeOf']),
  ...because('is about where and how functions run', [
    'compile',
    'cpuBackend',
    'defaultBackend',
    'setDefaultBackend',
    'wasmBackend',
  ]),
  ...because('reads elements', [
    'allClose',
    'maskedSelect',
    'nonzero',
    'unique',
    'data',
    'dataSync',
    'item',
    'itemSync',
    'toArray',
    'toArraySync',
    'toJSON',
    'toString',
  ]),
  ...because('is about modules', [
    'countParameters',
    'loadTensors',
    'measure',
    'namedModules',
    'namedParameters',
    'namedTensors',
    'observe',
    'summary',
    'withFields',
  ]),
};

function because(reason: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

/** Names of functions: classes are written with a capital. */
function functionsOf(module: object): string[] {
  return Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'function' && /^[a-z]/.test(name) ? [name] : [],
  );
}

const methods = Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype)).flatMap(
  ([name, { value }]) => (typeof value === 'function' && name !== 'constructor' ? [name] : []),
);
const callable = new Set([...functionsOf(api), ...functionsOf(nn), ...methods]);
const instructions = new Set([...Object.keys(primitives), ...Object.keys(composites)]);
const tested = new Set<string>(rows.map(({ op }) => op));

/** Names of the operations in a few cases of a row: composites, and what they are made of. */
function appliedBy({ cases }: OpRow): readonly string[] {
  const capture = (x: Tensor): Storage => cpuBackend().store(x.dataSync().slice(), x.dtype);
  return fc
    .sample(fc.oneof(cases(0), cases(1)), { numRuns: 8, seed: 1 })
    .flatMap(({ f, inputs }) =>
      [instructions, new Set<string>()].flatMap(
        (whole) =>
          trace((operands) => [f(...operands)].flat(), inputs, { composites: whole, capture })
            .instructions,
      ),
    )
    .map(({ operation }) => operation.name);
}

describe('the rows', () => {
  it('are there for every public function and every method that computes', () => {
    const missing = [...callable].filter(
      (name) => !tested.has(name) && !Object.hasOwn(withoutRow, name),
    );
    expect(missing).toEqual([]);
  });

  it.each(Object.entries(withoutRow))('leave out %s, which %s', (name) => {
    expect(callable).toContain(name);
    expect(tested).not.toContain(name);
  });

  it('are about nothing else', () => {
    const unknown = [...tested].filter((name) => !callable.has(name) && !instructions.has(name));
    expect(unknown).toEqual([]);
  });

  it('apply every primitive and every composite', () => {
    const applied = new Set(rows.flatMap(appliedBy));
    expect([...instructions].filter((name) => !applied.has(name))).toEqual([]);
  });

  it('differ in their names', () => {
    const names = rows.map(rowName);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it('claim each operation of the golden data once', () => {
    const names = rows.flatMap(({ golden = {} }) => Object.keys(golden));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names.length).toBeGreaterThan(80);
  });
});
