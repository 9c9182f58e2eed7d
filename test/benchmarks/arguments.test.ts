import { CommanderError } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseOptions } from '../../benchmarks/compare/arguments.ts';
import { CONTENDERS } from '../../benchmarks/contenders/names.ts';
import { WORKS } from '../../benchmarks/works/works.ts';

/** What a refusal writes to stderr. */
function refusal(...args: readonly string[]): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(() => parseOptions(args)).toThrow(CommanderError);
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
      install: false,
      out: 'a.json',
    });
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
    const printed = refusal(...args);
    expect(printed).toContain(text);
    expect(printed.trimEnd()).not.toContain('\n');
  });
});
