import {
  cpuBackend,
  encodeSafetensors,
  setDefaultBackend,
  wasmBackend,
  type SafetensorsEntry,
} from '@tessera/tensor';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { diskFolder, sharedGoldenFolder } from './disk-folder.ts';
import { runCases, SECTIONS, type CaseResult } from './golden-case.ts';
import { goldenCommand } from './golden-command.ts';
import { sectionCases } from './sections.ts';
import { openOnnx } from './through-onnx.ts';

const shared = sharedGoldenFolder();
const chromium = findChromium();

function failures(results: readonly CaseResult[]): string[] {
  return results.flatMap(({ id, problems }) => problems.map((problem) => `${id}: ${problem}`));
}

describe.runIf(shared !== null)('the golden data beside the repository', () => {
  const folder = diskFolder(shared ?? '');

  for (const mode of ['eager', 'compiled'] as const) {
    test.each(SECTIONS)(`%s is whole, ${mode}`, async (section) => {
      const results = await runCases(await sectionCases(section, folder, mode));
      expect(failures(results)).toEqual([]);
      expect(results.length).toBeGreaterThan(0);
    });
  }
});

describe.runIf(shared !== null)('the golden data beside the repository, through ONNX', () => {
  test.each([
    ['ops', 'golden: 286 passed, 0 failed, 0 skipped of 286'],
    ['optim', 'golden: 15 passed, 0 failed, 0 skipped of 15'],
    ['dit', 'golden: 445 passed, 0 failed, 24 skipped of 469'],
    ['diffusion', 'golden: 27 passed, 0 failed, 11 skipped of 38'],
    ['train', 'golden: 24 passed, 0 failed, 0 skipped of 24'],
  ])('%s passes, and what is no function of tensors is counted', async (section, last) => {
    const printed: string[] = [];
    const output = { line: (text: string) => printed.push(text), error: () => undefined };
    const args = [shared ?? '', '--through', 'onnx', '--only', section];
    expect(await goldenCommand(args, output)).toBe(0);
    expect(printed.at(-1)).toBe(last);
    expect(printed.filter((line) => line.startsWith('  not run'))).toEqual(
      section === 'dit'
        ? ['  not run, plain code and no functions of tensors: census 7, tables 5, zoo 12']
        : section === 'diffusion'
          ? ['  not run, plain code and no functions of tensors: schedules 7, respacings 4']
          : [],
    );
  });
});

describe('angles, hyperbolas and remainders as PyTorch has them', () => {
  const folder = diskFolder(fileURLToPath(new URL('elementary', import.meta.url)));

  for (const mode of ['eager', 'compiled'] as const) {
    test.each([
      ['cpu', cpuBackend],
      ['wasm', () => wasmBackend({ threads: 1 })],
    ])(`on %s, ${mode}`, async (_, backend) => {
      setDefaultBackend(backend());
      try {
        const results = await runCases(await sectionCases('ops', folder, mode));
        expect(failures(results)).toEqual([]);
        expect(results.length).toBeGreaterThan(40);
      } finally {
        setDefaultBackend(null);
      }
    });
  }

  test('through ONNX', async () => {
    const engine = openOnnx();
    try {
      const results = await runCases(await sectionCases('ops', folder, engine.through));
      expect(failures(results)).toEqual([]);
      expect(results.length).toBeGreaterThan(40);
    } finally {
      await engine.close();
    }
  });
});

/** `y = 2x` of x = [1, 2, 3], stored right or wrong. */
const tensors: Readonly<Record<string, SafetensorsEntry>> = {
  x: vector(1, 2, 3),
  two: vector(2, 2, 2),
  right: vector(2, 4, 6),
  wrong: vector(2, 4, 6.1),
  short: vector(2, 4),
  ones: vector(1, 1, 1),
  notFinite: vector(2, 4, Infinity),
};

function vector(...values: number[]): SafetensorsEntry {
  return { dtype: 'float32', shape: [values.length], data: Float32Array.from(values) };
}

interface Doubling {
  readonly op?: string;
  readonly output?: string;
  readonly gradient?: string;
}

function doubling(
  id: string,
  { op = 'mul', output = 'right', gradient = 'two' }: Doubling = {},
): object {
  return {
    id,
    op,
    attrs: {},
    inputs: ['x', 'two'],
    output,
    cotangent: 'ones',
    grads: [gradient, 'x'],
    rtol: 1e-5,
    atol: 1e-6,
  };
}

describe('the runner', () => {
  let path = '';
  const lines: string[] = [];
  const errors: string[] = [];

  beforeAll(() => {
    path = mkdtempSync(join(tmpdir(), 'golden-'));
    writeFileSync(
      join(path, 'ops.safetensors'),
      encodeSafetensors(new Map(Object.entries(tensors))),
    );
  });

  afterAll(() => rmSync(path, { recursive: true }));

  function writeCases(...cases: object[]): void {
    const manifest = { format: 'dit-oracle/ops/1', tensors_file: 'ops.safetensors', cases };
    writeFileSync(join(path, 'ops.json'), JSON.stringify(manifest));
  }

  async function run(...args: string[]): Promise<number> {
    lines.length = 0;
    errors.length = 0;
    return goldenCommand([path, ...args], {
      line: (text) => lines.push(...text.split('\n')),
      error: (text) => errors.push(text),
    });
  }

  test('passes what is right', async () => {
    writeCases(doubling('mul.0'), doubling('mul.1'));
    expect(await run('--only', 'ops')).toBe(0);
    expect(lines.at(-1)).toBe('golden: 2 passed, 0 failed, 0 skipped of 2');
    expect(await run('--only', 'ops', '--compiled')).toBe(0);
    expect(lines.at(-1)).toBe('golden: 2 passed, 0 failed, 0 skipped of 2');
  });

  test.each<[string, Doubling, RegExp]>([
    ['a wrong value', { output: 'wrong' }, /output: 1 of 3 wrong; at \[2\] got 6, wanted 6\.09/],
    [
      'a wrong gradient',
      { gradient: 'x' },
      /gradient of input 0: 2 of 3 wrong; at \[0\] got 2, wanted 1/,
    ],
    ['another shape', { output: 'short' }, /output: shape \[3\], wanted \[2\]/],
    ['an infinity', { output: 'notFinite' }, /at \[2\] got 6, wanted Infinity/],
    [
      'a tensor that is not in the file',
      { output: 'nowhere' },
      /ops\.safetensors has no tensor "nowhere"/,
    ],
    ['an operation that is not there', { op: 'frobnicate' }, /op "frobnicate" is not there yet/],
    [
      'an operation that throws',
      { op: 'matmul', output: 'short' },
      /the cotangent is float32\[3\]/,
    ],
  ])('counts %s as failed and says why', async (_, wrong, reason) => {
    writeCases(doubling('good'), doubling('bad', wrong));
    expect(await run('--only', 'ops')).toBe(1);
    expect(lines.find((line) => line.startsWith('  bad: '))).toMatch(reason);
    expect(lines.at(-1)).toBe('golden: 1 passed, 1 failed, 0 skipped of 2');
  });

  test('refuses a folder without manifests, naming the file', async () => {
    writeCases(doubling('mul.0'));
    expect(await run()).toBe(2);
    expect(errors).toEqual([`error: ${join(path, 'optim.json')}: cannot be read (ENOENT)`]);
    expect(lines).toEqual([]);
  });

  test.each([
    ['no JSON', '{"format":', /ops\.json: not JSON/],
    ['another format', '{"format":"golden/9"}', /ops\.json: format: Invalid start/],
    ['no cases', '{"format":"dit-oracle/ops/1","tensors_file":"x"}', /ops\.json: cases: /],
    [
      'a missing tensor file',
      '{"format":"dit-oracle/ops/1","tensors_file":"x","cases":[]}',
      /x: cannot be read \(ENOENT\)/,
    ],
    [
      'a mangled tensor file',
      '{"format":"dit-oracle/ops/1","tensors_file":"ops.json","cases":[]}',
      /ops\.json: the header claims/,
    ],
  ])('refuses %s in one line', async (_, manifest, message) => {
    writeFileSync(join(path, 'ops.json'), manifest);
    expect(await run('--only', 'ops')).toBe(2);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(message);
    expect(errors[0]).not.toContain('\n');
  });

  test('runs functions through ONNX, and reports what fails there', async () => {
    writeCases(doubling('good'), doubling('bad', { output: 'wrong' }));
    expect(await run('--only', 'ops', '--through', 'onnx')).toBe(1);
    expect(lines.at(-1)).toBe('golden: 1 passed, 1 failed, 0 skipped of 2');
  });

  test.each([
    ['an unknown section', ['--only', 'everything']],
    ['an unknown backend', ['--backend', 'abacus']],
    ['an unknown option', ['--fast']],
    ['an unknown engine', ['--through', 'abacus']],
    ['compiled plans of another engine', ['--through', 'onnx', '--compiled']],
  ])('refuses %s', async (_, args) => {
    expect(await run(...args)).toBe(2);
    expect(errors.join('')).toMatch(/^error: /);
  });

  describe.skipIf(chromium === null)(
    `in a page of Chromium${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
    () => {
      test('passes what is right, compiled', async () => {
        writeCases(doubling('mul.0'), doubling('mul.1'));
        expect(await run('--only', 'ops', '--backend', 'gpu-webgl2', '--compiled')).toBe(0);
        expect(errors).toEqual([]);
        expect(lines.at(-1)).toBe('golden: 2 passed, 0 failed, 0 skipped of 2');
      });

      // Doubling is exact everywhere, so even the deviations are the same.
      test.each(['gpu-webgl2', 'gpu-webgpu-page'])('%s prints what cpu prints', async (backend) => {
        writeCases(
          doubling('good'),
          doubling('bad', { output: 'wrong' }),
          doubling('infinite', { output: 'notFinite' }),
          doubling('unknown', { op: 'frobnicate' }),
        );
        expect(await run('--only', 'ops')).toBe(1);
        const printed = [...lines];
        expect(printed.join()).toContain('∞');
        expect(await run('--only', 'ops', '--backend', backend)).toBe(1);
        expect(lines).toEqual(printed);
      });
    },
  );

  test('refuses a damaged folder before it opens a page', async () => {
    writeFileSync(join(path, 'ops.json'), '{"format":');
    expect(await run('--only', 'ops', '--backend', 'gpu-webgl2')).toBe(2);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/ops\.json: not JSON/);
    expect(errors[0]).not.toContain('\n');
  });

  test('says in one line that there is no browser', async () => {
    writeCases(doubling('mul.0'));
    vi.stubEnv('CHROMIUM_PATH', join(path, 'chromium'));
    try {
      expect(await run('--only', 'ops', '--backend', 'gpu-webgl2')).toBe(2);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(errors).toEqual([
      `error: CHROMIUM_PATH is ${join(path, 'chromium')}, which is no program.`,
    ]);
  });

  test('is what `npm run golden` runs', () => {
    writeCases(doubling('mul.0'));
    const printed = execFileSync(
      'npm',
      ['run', '--silent', 'golden', '--', path, '--only', 'ops'],
      {
        encoding: 'utf8',
      },
    );
    expect(printed.trimEnd().split('\n').at(-1)).toBe('golden: 1 passed, 0 failed, 0 skipped of 1');
  });
});
