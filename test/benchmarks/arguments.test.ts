import { CommanderError } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseOptions } from '../../benchmarks/compare/arguments.ts';
import type { Prints } from '../../benchmarks/compare/python.ts';
import { CONTENDERS } from '../../benchmarks/contenders/names.ts';
import { WORKS } from '../../benchmarks/works/works.ts';

/** What a refusal writes to stderr. */
function refusal(args: readonly string[], prints?: Prints): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(() => parseOptions(args, prints)).toThrow(CommanderError);
  return write.mock.calls.map(([text]) => String(text)).join('');
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the options of bench:peers', () => {
  it('measure everything when nothing is said', () => {
    const options = parseOptions([]);
    expect(options).toMatchObject({
      threads: [1, 2],
      backend: 'wasm',
      samples: 7,
      pythons: [],
      install: true,
      out: null,
    });
    expect(options.only).toBe(WORKS);
    expect(options.contenders).toBe(CONTENDERS);
  });

  it('select works by name or by the beginning of several, in the order of the report', () => {
    const names = parseOptions(['--only', 'step-tiny,matmul,peak']).only.map(({ name }) => name);
    expect(names).toEqual([
      'peak-mul-add',
      'peak-relaxed-madd',
      'matmul-256',
      'matmul-512',
      'matmul-1024',
      'matmul-fc1',
      'matmul-fc2',
      'matmul-wgrad',
      'step-tiny',
    ]);
  });

  it('take an exact name alone, although others begin with it', () => {
    expect(parseOptions(['--only', 'conv1']).only.map(({ name }) => name)).toEqual(['conv1']);
  });

  it('read contenders, threads, samples and the rest', () => {
    const args = ['--contenders', 'tessera, jax-js', '--threads', '4,1,4', '--samples', '11'];
    expect(parseOptions([...args, '--backend', 'cpu', '--no-install', '--out', 'a.json'])).toEqual({
      only: WORKS,
      contenders: ['tessera', 'jax-js'],
      threads: [1, 4],
      backend: 'cpu',
      samples: 11,
      timeout: 300,
      pythons: [],
      install: false,
      out: 'a.json',
    });
  });

  const prints: Prints = (python, program) => {
    if (program.includes('import torch')) return python === './new' ? 'torch 2.13.0 True\n' : null;
    return python === './bare' ? 'python 3 11\n' : null;
  };

  it('collect Pythons that have torch, each once', () => {
    const args = ['./new', './new'].flatMap((path) => ['--python', path]);
    expect(parseOptions(args, prints).pythons).toEqual([
      { python: './new', version: '2.13.0', cuda: true },
    ]);
  });

  it.each([
    ['./bare', "This Python has no torch: './bare -m pip install torch' gives it one."],
    ['./missing', 'It is no Python 3. Expected the path of one that has torch.'],
  ])('refuse %s as a Python in one line', (path, text) => {
    expect(refusal(['--python', './new', '--python', path], prints)).toBe(
      `error: option '--python <path>' argument '${path}' is invalid. ${text}\n`,
    );
  });

  it.each([
    [['--only', 'matmul,nope'], "No work is called 'nope'."],
    [['--contenders', 'tessera,numpy'], "No contender is called 'numpy'."],
    [['--threads', '1,0'], 'Expected a whole number from 1.'],
    [['--threads', 'two'], 'Expected a whole number from 1.'],
    [['--samples', '0'], 'Expected a whole number from 1.'],
    [['--backend', 'gpu'], 'Expected wasm or cpu.'],
    [['--fast'], "unknown option '--fast'"],
    [['step-tiny'], 'too many arguments'],
  ])('refuse %j in one line', (args, text) => {
    const printed = refusal(args);
    expect(printed).toContain(text);
    expect(printed.trimEnd()).not.toContain('\n');
  });
});
