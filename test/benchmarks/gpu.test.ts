import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ADAPTER,
  adapterNote,
  noteDevices,
  PYTORCH_DEVICE,
} from '../../benchmarks/compare/adapter.ts';
import { parseOptions } from '../../benchmarks/compare/arguments.ts';
import { errorLine } from '../../benchmarks/compare/contender-process.ts';
import { measure } from '../../benchmarks/compare/measure.ts';
import { compareRows } from '../../benchmarks/compare/ratios.ts';
import { resultsPage } from '../../benchmarks/compare/report.ts';
import type { Result } from '../../benchmarks/compare/result.ts';
import { selectWorks, workNamed } from '../../benchmarks/works/works.ts';
import { rowOf } from './rows.ts';
import { runBench } from './run-bench.ts';

const date = '2026-11-25T03:00:00.000Z';

describe('the adapter of a result', () => {
  it('is named, and so is a software one', () => {
    expect(adapterNote({ date, versions: { node: '20' } })).toBeUndefined();
    expect(adapterNote({ date, versions: { [ADAPTER]: 'vendor model 7' } })).toBe(
      'On 2026-11-25 the adapter was vendor model 7, a GPU.',
    );
    expect(adapterNote({ date, versions: { [ADAPTER]: 'google SwiftShader 5' } })).toBe(
      'On 2026-11-25 the adapter was google SwiftShader 5, a software adapter, which computes on the CPU: these are not the figures of a GPU.',
    );
  });

  it('stands in its own section of the page of results', () => {
    const machine = { cpu: 'A processor', cores: 2, memoryGB: 24, system: 'Linux 6' };
    const versions = { [ADAPTER]: 'vendor model 7' };
    const gpu = { date, machine, versions, rows: [rowOf('tessera-gpu', 2, 1)] };
    const [peers, onGpu] = resultsPage({ peers: null, gpu, browser: null }).split(
      '\n## On a GPU\n',
    );
    expect(onGpu).toContain('\n\nOn 2026-11-25 the adapter was vendor model 7, a GPU.\n\n');
    expect(peers).not.toContain('vendor model 7');
  });

  it('may be compared with PyTorch on the same one', () => {
    const { references, rows } = compareRows([
      rowOf('tessera-gpu', 2, 3),
      rowOf('pytorch-cuda', 2, 2),
    ]);
    expect(references).toEqual(['tessera', 'pytorch-cuda']);
    expect(rows[0].ratios).toEqual([null, 1.5]);
  });
});

describe('a comparison with PyTorch on a GPU', () => {
  const notesOf = (adapter: string, device?: string): string[] => {
    const rows = [rowOf('tessera-gpu', 2, 3, { note: '3 samples' }), rowOf('pytorch-cuda', 2, 2)];
    const versions = {
      [ADAPTER]: adapter,
      ...(device === undefined ? {} : { [PYTORCH_DEVICE]: device }),
    };
    return noteDevices(rows, versions).map(({ note }) => note);
  };

  it('says where the devices differ', () => {
    expect(notesOf('vendor Model 7', 'Other 9')).toEqual([
      '3 samples; perhaps another GPU (vendor Model 7), but PyTorch on Other 9',
      '',
    ]);
    expect(notesOf('google SwiftShader 5', 'Model 7')).toEqual([
      '3 samples; a software adapter (google SwiftShader 5), but PyTorch on Model 7',
      '',
    ]);
  });

  it('says nothing where one name has all words of the other, or PyTorch has no GPU', () => {
    expect(notesOf('vendor ampere Vendor Model 7', 'Vendor Model 7')).toEqual(['3 samples', '']);
    expect(notesOf('google SwiftShader 5')).toEqual(['3 samples', '']);
  });

  it.each([
    ['vendor RTX 3080', 'RTX 3080 Ti'],
    ['vendor RTX 3080 Ti', 'RTX 3080'],
  ])('tells models apart that differ in a word: %s, %s', (adapter, device) => {
    expect(notesOf(adapter, device)[0]).toContain(`perhaps another GPU (${adapter})`);
  });

  it('finds the device under the name that pytorch.py gives it', () => {
    const file = new URL('../../benchmarks/contenders/pytorch.py', import.meta.url);
    expect(readFileSync(file, 'utf8')).toContain(`"${PYTORCH_DEVICE}": torch.cuda`);
  });

  it('repeats the error of a process that ends, with the name of its module', () => {
    const text = 'Traceback:\n  File "x.py"\ntorch.OutOfMemoryError: CUDA out of memory.\n';
    expect(errorLine(text)).toBe('torch.OutOfMemoryError: CUDA out of memory.');
    expect(errorLine('an error of no kind\n')).toBeNull();
  });
});

describe('work and contenders of a GPU', () => {
  it('take part where they are named', () => {
    const { works, unknown } = selectWorks(['step-tiny-8', 'matmul-4096', 'matmul']);
    expect(unknown).toEqual([]);
    const names = works.map(({ name }) => name);
    expect(names.slice(-2)).toEqual(['matmul-4096', 'step-tiny-8']);
    expect(selectWorks(['matmul']).works.map(({ name }) => name)).not.toContain('matmul-4096');
    expect(parseOptions(['--contenders', 'tessera-gpu,pytorch-cuda']).contenders).toEqual([
      'tessera-gpu',
      'pytorch-cuda',
    ]);
  });

  it('are an absent row where no Python has torch', async () => {
    const { rows } = await measure(selectWorks(['add']).works[0], {
      contenders: ['pytorch-cuda'],
      threads: [1],
      backend: 'wasm',
      samples: 1,
      timeout: 60,
      folder: '.',
      pythons: [],
    });
    expect(rows.map(({ row }) => row.note)).toEqual(['absent: no python3 has torch']);
  });
});

describe('npm run bench -- gpu', () => {
  it('refuses bad input in one line, with exit code 2', () => {
    const { status, stdout, stderr } = runBench('gpu', '--samples', '0');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: [^\n]*Expected a whole number from 1\.\n$/);
  });

  it('has left a result with its adapter, whose numbers agree with those of wasm', () => {
    const file = new URL('../../benchmarks/results/gpu.json', import.meta.url);
    const result = JSON.parse(readFileSync(file, 'utf8')) as Result;
    expect(adapterNote(result)).toBeDefined();
    const own = result.rows.filter(({ contender }) => contender === 'tessera-gpu');
    expect(own.map(({ work }) => workNamed(work)?.name)).toEqual(own.map(({ work }) => work));
    expect(own.length).toBeGreaterThan(0);
    for (const { note, medianMs } of own) {
      expect(medianMs).toBeGreaterThan(0);
      expect(note).toMatch(/within \S+ of (?:tessera|pytorch)/);
    }
  });
});
