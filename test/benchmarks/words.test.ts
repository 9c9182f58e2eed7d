import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { chooseByWords, parseWord } from '../../benchmarks/words.ts';
import { runBench } from './run-bench.ts';

const works = [{ name: 'softmax [4, 2]' }, { name: 'softmax [9]' }, { name: 'layerNorm [9]' }];

describe('words that choose work', () => {
  it('choose what has one of them in its name, and without any, all', () => {
    expect(chooseByWords(works, ['Norm', '[4'])).toEqual([works[0], works[2]]);
    expect(chooseByWords(works, [])).toEqual(works);
  });

  it('are collected, and refused where no name has them', () => {
    const parse = parseWord(() => works);
    expect(parse('Norm', parse('soft'))).toEqual(['soft', 'Norm']);
    expect(() => parse('conv')).toThrow(InvalidArgumentError);
  });
});

describe.each([
  { command: [], works: /matmul-1024/ },
  { command: ['gpu-composites'], works: /softmax \[4096, 64\], forward; / },
])('npm run bench -- $command', ({ command, works: expected }) => {
  it('names the work that there is where a word matches none, with exit code 2', () => {
    const { status, stdout, stderr } = runBench(...command, 'no-such-work');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^error: [^\n]*'no-such-work'[^\n]* No work has it in its name\. Expected parts of: [^\n]+\n$/,
    );
    expect(stderr).toMatch(expected);
  });

  it('refuses an option that there is not in one line, with exit code 2', () => {
    const { status, stdout, stderr } = runBench(...command, '--nope');
    expect([status, stdout, stderr]).toEqual([2, '', "error: unknown option '--nope'\n"]);
  });
});
