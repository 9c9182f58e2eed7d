import * as autograd from '@tessera/autograd';
import * as debug from '@tessera/autograd/debug';
import * as nn from '@tessera/autograd/nn';
import * as optim from '@tessera/autograd/optim';
import * as dit from '@tessera/dit';
import * as ditNode from '@tessera/dit/node';
import * as onnx from '@tessera/onnx';
import * as tensorPackage from '@tessera/tensor';
import * as tensorTesting from '@tessera/tensor/testing';
import { describe, expect, it } from 'vitest';
import { accident, callables, misuses, withUnknownOption, type Row } from './misuse.ts';
import { autogradRows, debugRows } from './rows/autograd.ts';
import { ditNodeRows } from './rows/dit-node.ts';
import { ditRows } from './rows/dit.ts';
import { nnRows } from './rows/nn.ts';
import { onnxRows } from './rows/onnx.ts';
import { optimRows } from './rows/optim.ts';
import { tensorRows, tensorTestingRows } from './rows/tensor.ts';

interface Entry {
  readonly entry: string;
  readonly module: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
  /** Names without a row, each with the reason. */
  readonly exempt: Readonly<Record<string, string>>;
}

const entries: readonly Entry[] = [
  {
    entry: '@tessera/tensor',
    module: tensorPackage,
    rows: tensorRows,
    exempt: {
      setDefaultBackend: 'a wrong call that it takes, null, changes what the other rows compute on',
      Tensor: 'made by the engine',
      checkFunction: 'for those who write functions',
      checkList: 'for those who write functions',
      checkOptions: 'for those who write functions',
      checkTensors: 'for those who write functions',
      excerpt: 'for those who write messages',
      formatSpec: 'for those who write messages',
      kindOf: 'for those who write messages',
      TreeNode: 'abstract',
    },
  },
  {
    entry: '@tessera/tensor/testing',
    module: tensorTesting,
    rows: tensorTestingRows,
    exempt: {},
  },
  {
    entry: '@tessera/autograd',
    module: autograd,
    rows: autogradRows,
    exempt: {
      Recorder: 'made by record',
      backward: 'for those who extend the engine',
      cotangentFormula: 'for those who extend the engine',
      notDifferentiable: 'for those who extend the engine',
      rule: 'for those who extend the engine',
      vjpEntry: 'for those who extend the engine',
    },
  },
  {
    entry: '@tessera/autograd/debug',
    module: debug,
    rows: debugRows,
    exempt: { formatRange: 'for those who write messages' },
  },
  { entry: '@tessera/autograd/nn', module: nn, rows: nnRows, exempt: { Module: 'abstract' } },
  { entry: '@tessera/autograd/optim', module: optim, rows: optimRows, exempt: {} },
  { entry: '@tessera/onnx', module: onnx, rows: onnxRows, exempt: {} },
  {
    entry: '@tessera/dit',
    module: dit,
    rows: ditRows,
    exempt: { Block: 'abstract', Condition: 'abstract' },
  },
  { entry: '@tessera/dit/node', module: ditNode, rows: ditNodeRows, exempt: {} },
];

describe.each(entries)('$entry', ({ module, rows, exempt }) => {
  it('has a row for each of its functions and classes', () => {
    const named = new Set(rows.map(({ name }) => name));
    expect(
      callables(module)
        .filter((name) => !named.has(name))
        .sort(),
    ).toEqual(Object.keys(exempt).sort());
  });

  it.each(rows)('$name takes what it should', async ({ call, args }) => {
    const outcome = Promise.resolve(args).then((given) => call(...given));
    await expect(outcome.then(() => 'taken')).resolves.toBe('taken');
  });

  it.each(rows)('$name refuses wrong arguments on purpose, not by accident', async (row) => {
    for (const args of misuses(row)) expect(await accident(row, args)).toBeNull();
  });

  const optional = rows.flatMap((row) => {
    const args = withUnknownOption(row);
    return args === null ? [] : [{ ...row, args }];
  });
  it.each(optional)('$name knows its options', async ({ call, args }) => {
    await expect(Promise.resolve(args).then((given) => call(...given))).rejects.toThrow('nonsense');
  });
});
