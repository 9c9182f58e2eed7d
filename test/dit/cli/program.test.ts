import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../../packages/dit/src/cli/program.ts';

/** What a command line leads to. */
interface Outcome {
  /** The action that ran and the options it got. */
  readonly ran: [command: string, options: unknown] | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

async function run(...args: string[]): Promise<Outcome> {
  let ran: Outcome['ran'];
  let [stdout, stderr, exitCode] = ['', '', 0];
  const program = createProgram('1.2.3', {
    train: async (options) => {
      ran = ['train', options];
      await Promise.resolve();
    },
    settings: async (options) => {
      ran = ['settings', options];
      await Promise.resolve();
    },
    sample: async (options) => {
      ran = ['sample', options];
      await Promise.resolve();
    },
    inspect: async (options) => {
      ran = ['inspect', options];
      await Promise.resolve();
    },
    evaluate: async (options) => {
      ran = ['evaluate', options];
      await Promise.resolve();
    },
    ruler: async (options) => {
      ran = ['ruler', options];
      await Promise.resolve();
    },
    report: async (options) => {
      ran = ['report', options];
      await Promise.resolve();
    },
    replay: async (options) => {
      ran = ['replay', options];
      await Promise.resolve();
    },
    scale: async (options) => {
      ran = ['scale', options];
      await Promise.resolve();
    },
    studio: async (options) => {
      ran = ['studio', options];
      await Promise.resolve();
    },
    export: async (options) => {
      ran = ['export', options];
      await Promise.resolve();
    },
    import: async (options) => {
      ran = ['import', options];
      await Promise.resolve();
    },
    learn: async (options) => {
      ran = ['learn', options];
      await Promise.resolve();
    },
  });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({
      getOutHelpWidth: () => 80,
      writeOut: (text) => {
        stdout += text;
      },
      writeErr: (text) => {
        stderr += text;
      },
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    exitCode = error instanceof CommanderError ? error.exitCode : -1;
  }
  return { ran, stdout, stderr, exitCode };
}

describe('train', () => {
  test('needs nothing', async () => {
    expect((await run('train')).ran).toEqual(['train', {}]);
  });

  test('takes single settings, in their order', async () => {
    expect((await run('train', '--set', 'model.depth=8', '--set', 'seed=2')).ran).toEqual([
      'train',
      { set: ['model.depth=8', 'seed=2'] },
    ]);
  });

  test('takes a configuration, with changes', async () => {
    expect((await run('train', '--config', 'c.json', '--seed', '7')).ran).toEqual([
      'train',
      { config: 'c.json', seed: 7 },
    ]);
  });

  test('takes every option', async () => {
    const text =
      '--preset quick --design in-context --out run --data idx --backend cpu --steps 9 --batch 8 --seed 7';
    expect((await run('train', ...text.split(' '))).ran).toEqual([
      'train',
      {
        preset: 'quick',
        design: 'in-context',
        out: 'run',
        data: 'idx',
        backend: 'cpu',
        steps: 9,
        batch: 8,
        seed: 7,
      },
    ]);
  });
});

describe('sample', () => {
  test('needs only a run and a picture', async () => {
    expect((await run('sample', '--run', 'r', '--out', 'g.png')).ran).toEqual([
      'sample',
      { run: 'r', out: 'g.png', seed: 0 },
    ]);
  });

  test('takes every option', async () => {
    const text =
      '--run r --labels 0,1,2 --guidance 2.5 --sampler ddpm --steps 50 --seed 3 --out g.png';
    expect((await run('sample', ...text.split(' '))).ran).toEqual([
      'sample',
      {
        run: 'r',
        labels: [0, 1, 2],
        guidance: 2.5,
        sampler: 'ddpm',
        steps: 50,
        seed: 3,
        out: 'g.png',
      },
    ]);
  });
});

describe('inspect', () => {
  test('takes a name, a design and JSON', async () => {
    expect((await run('inspect')).ran).toEqual(['inspect', {}]);
    const line = ['inspect', 'DiT-S/2', '--design', 'adaln', '--json'];
    expect((await run(...line)).ran).toEqual([
      'inspect',
      { name: 'DiT-S/2', design: 'adaln', json: true },
    ]);
  });

  test('takes a run, whose design is known', async () => {
    expect((await run('inspect', '--run', 'r')).ran).toEqual(['inspect', { run: 'r' }]);
    expect((await run('inspect', '--run', 'r', '--design', 'adaln')).exitCode).not.toBe(0);
  });
});

describe('scale', () => {
  test('takes sizes, patches, designs, a part of the work, or folders to put together', async () => {
    const grid = ['--sizes', '32x2,64x3', '--patches', '2', '--designs', 'adaln,adaln-zero'];
    const { ran } = await run('scale', '--out', 'runs/scale', ...grid, '--shard', '2/3');
    expect(ran).toEqual([
      'scale',
      {
        out: 'runs/scale',
        sizes: [
          { width: 32, depth: 2 },
          { width: 64, depth: 3 },
        ],
        patches: [2],
        designs: ['adaln', 'adaln-zero'],
        shard: { index: 2, count: 3 },
      },
    ]);
    const merge = ['--merge', 'a', '--merge', 'b'];
    expect((await run('scale', '--out', 'c', ...merge)).ran).toEqual([
      'scale',
      { out: 'c', merge: ['a', 'b'] },
    ]);
    expect((await run('scale', '--out', 'c', '--patches', '2,2')).stderr).toContain('only once');
  });
});

describe('learn', () => {
  test('needs nothing, and takes a chapter with a file and hints', async () => {
    expect((await run('learn')).ran).toEqual(['learn', {}]);
    expect((await run('learn', '4')).ran).toEqual(['learn', { chapter: 4 }]);
    expect((await run('learn', '9', '--file', 'a.ts', '--hints')).ran).toEqual([
      'learn',
      { chapter: 9, file: 'a.ts', hints: true },
    ]);
  });
});

describe('what is wrong', () => {
  test.each([
    'trian',
    'train --presset quick',
    'train --preset slow',
    'train --design adaln-one',
    'train --backend tpu',
    'train --steps 0',
    'train --batch many',
    'train --seed -1',
    'train --out',
    'train --config c.json --preset smoke',
    'train --config c.json --design adaln',
    'train extra',
    'sample --run r',
    'sample --run r --out g.png --labels 0,,1',
    'sample --run r --out g --format jpg',
    'sample --run r --out g.png --film-shows noise',
    'sample --run r --out g.png --strength 2',
    'sample --run r --out g.png --count 0',
    'evaluate --run r --images a.npz',
    'sample --run r --out g.png --guidance high',
    'sample --run r --out g.png --sampler plms',
    'sample --run r --out g.png --eta 2',
    'sample --run r --out g.png --guidance-interval 800,200',
    'train --objective velocity',
    'train --timestep-sampling often',
    'train --shift 3',
    'train --patch 4',
    'train --device cuda',
    'train --lr=1e-4',
    'train --epochs 3',
    'train --bacth 3',
    'learn 0',
    'learn 11',
    'learn 4 5',
    'learn 4 --file answers.txt',
  ])('is one line: tessera %s', async (text) => {
    const { ran, stdout, stderr, exitCode } = await run(...text.split(' '));
    expect(ran).toBeUndefined();
    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toMatchSnapshot();
  });
});

describe('help', () => {
  test('shows the commands and examples', async () => {
    const { stdout, exitCode } = await run('--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatchSnapshot();
  });

  test('shows the options of each command with their defaults', async () => {
    expect((await run('train', '--help')).stdout).toMatchSnapshot();
    expect((await run('sample', '--help')).stdout).toMatchSnapshot();
    expect((await run('learn', '--help')).stdout).toMatchSnapshot();
  });

  test('--version prints the version', async () => {
    expect(await run('--version')).toMatchObject({ stdout: '1.2.3\n', exitCode: 0 });
  });
});
