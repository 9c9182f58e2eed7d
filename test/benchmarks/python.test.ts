import { describe, expect, it } from 'vitest';
import { newestTorch, tellApart, torchOf, type Prints } from '../../benchmarks/compare/python.ts';

const [first, system] = ['python3', '/usr/bin/python3'];

/** Pythons by path with what their torch says of itself; they run all else too. */
function pythons(torches: Readonly<Record<string, string | null>>): Prints {
  return (python, program) => {
    if (!Object.hasOwn(torches, python)) return null;
    return program.includes('import torch') ? torches[python] : 'python 3 11\n';
  };
}

describe('torchOf', () => {
  it('asks for nothing but torch, and hears it among warnings', () => {
    const prints: Prints = (_, program) =>
      program.includes('numpy') ? null : 'a warning\ntorch 2.13.0+cpu False\n';
    expect(torchOf('p', prints)).toEqual({ python: 'p', version: '2.13.0+cpu', cuda: false });
  });

  it('tells a Python without torch from what is no Python', () => {
    expect(torchOf('p', pythons({ p: null }))).toContain('This Python has no torch');
    expect(torchOf('ls', pythons({}))).toContain('It is no Python 3');
  });

  it('takes a program for no Python that ends well, whatever it prints', () => {
    expect(torchOf('echo', (_, program) => `-c ${program}\n`)).toContain('It is no Python 3');
  });

  it('asks real programs', () => {
    expect(torchOf(process.execPath)).toContain('It is no Python 3');
    expect(torchOf('./no-such-program')).toContain('It is no Python 3');
  });
});

describe('newestTorch', () => {
  const newest = (wantsGpu: boolean, torches: Readonly<Record<string, string | null>>): string[] =>
    newestTorch(wantsGpu, pythons(torches)).map(({ python }) => python);

  it('is the one of the greatest version, as numbers', () => {
    const torches = { [first]: 'torch 2.9.1 False', [system]: 'torch 2.13.0 False' };
    expect(newest(false, torches)).toEqual([system]);
    expect(newest(false, { ...torches, [first]: 'torch 3.0.0 False' })).toEqual([first]);
  });

  it('reaches a GPU if that is wanted and possible', () => {
    const torches = { [first]: 'torch 2.13.0 False', [system]: 'torch 1.13.0a0 True' };
    expect(newest(true, torches)).toEqual([system]);
    expect(newest(false, torches)).toEqual([first]);
    expect(newest(true, { [first]: 'torch 2.13.0 False' })).toEqual([first]);
  });

  it('is none where no Python has torch', () => {
    expect(newest(true, { [first]: null, [system]: null })).toEqual([]);
    expect(newest(false, {})).toEqual([]);
  });
});

describe('tellApart', () => {
  it('names each by its version without the build, and counts equal ones', () => {
    const versions = ['2.13.0+cpu', '1.13.0a0', '2.13.0+cu130'];
    const told = tellApart(versions.map((version) => ({ python: 'p', version, cuda: false })));
    expect(told.map(({ instance }) => instance)).toEqual(['2.13.0', '1.13.0a0', '2.13.0 #2']);
    expect(told.map(({ version }) => version)).toEqual(versions);
  });
});
