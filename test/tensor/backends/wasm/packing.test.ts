import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { wasmBackend } from '@tessera/tensor';

/** Work whose code is looked at, and the 256-bit instructions that it has where V8 packs it. */
const works: readonly {
  readonly name: string;
  readonly work: string;
  readonly packed: Readonly<Record<string, number>>;
}[] = [
  {
    name: 'the tile of products',
    work: 'matmul(numbers(48, 64), numbers(64, 48))',
    packed: { vfmadd: 12 },
  },
  {
    name: 'gelu',
    work: 'compile(gelu)(numbers(64, 128))',
    packed: { vdivps: 1, vfmadd: 8, vmaxps: 1 },
  },
  {
    name: 'AdamW',
    work: `{
      const optimizer = adamw();
      const params = { w: numbers(512) };
      const step = (grads, state) => optimizer.update(grads, state, params, { learningRate: 0.1 });
      compile(step)({ w: numbers(512) }, optimizer.init(params));
    }`,
    packed: { vsqrtps: 1, vdivps: 1 },
  },
  {
    name: 'layerNorm',
    work: 'compile((x, w) => layerNorm(x, { weight: w }))(numbers(64, 128), numbers(128))',
    packed: { vmulps: 2 },
  },
  {
    name: 'attention',
    work: 'compile(attention)(numbers(2, 64, 32), numbers(2, 64, 32), numbers(2, 64, 32))',
    packed: { vfmadd: 16, vpslld: 2, vmaxps: 2 },
  },
  {
    name: 'the gradient of attention',
    work: `compile(valueAndGrad((q, k, v) => attention(q, k, v).sum(), { argnums: [0, 1, 2] }))(
      numbers(2, 64, 32), numbers(2, 64, 32), numbers(2, 64, 32))`,
    packed: { vfmadd: 32, vpslld: 2, vsubps: 8 },
  },
];

/**
 * What a module prints with the machine code of its WebAssembly. It goes to a file: V8 prints it past Node's
 * streams, and to a pipe it would lose some.
 */
function machineCode(code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-code-'));
  const path = join(folder, 'code.txt');
  const file = openSync(path, 'w');
  try {
    const flags = ['--import', 'tsx', '--conditions=tessera-source', '--print-wasm-code'];
    const args = [...flags, '--input-type=module', '--eval', code];
    const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
    const child = spawnSync(process.execPath, args, { cwd, stdio: ['ignore', file, 'pipe'] });
    expect(child.stderr.toString()).toBe('');
    return readFileSync(path, 'utf8');
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

/** How many instructions of each name on 256 bits the engine makes of the work. */
function packedInstructions(
  work: string,
  names: readonly string[],
  wide: boolean,
): Record<string, number> {
  const code = `
    import * as tensors from '@tessera/tensor';
    import { valueAndGrad } from '@tessera/autograd';
    import { adamw } from '@tessera/autograd/optim';
    const { attention, compile, gelu, layerNorm, matmul, tensor } = tensors;
    tensors.setDefaultBackend(tensors.wasmBackend({ threads: 1, wide: ${String(wide)} }));
    const numbers = (...shape) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return tensor(Float32Array.from({ length: size }, (_, i) => Math.cos(i))).reshape(shape);
    };
    ${work};
  `;
  const lines = machineCode(code).split('\n');
  const packed = lines.filter((line) => line.includes(' ymm'));
  return Object.fromEntries(
    names.map((name) => [name, packed.filter((line) => line.includes(` ${name}`)).length]),
  );
}

/** Whether this is a version of Node that packs, on a processor that can. */
const isExpected =
  process.arch === 'x64' &&
  ['24', '26'].includes(process.versions.node.split('.')[0]) &&
  /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));

it('is known before anything is packed', () => {
  expect(wasmBackend({ threads: 1 }).wide).toBe(isExpected);
});

describe.skipIf(!isExpected)('the machine code of wide kernels', () => {
  it.each(works)('is packed in $name', ({ work, packed }) => {
    const found = packedInstructions(work, Object.keys(packed), true);
    for (const [name, least] of Object.entries(packed)) {
      expect(found[name], `${name} on 256 bits`).toBeGreaterThanOrEqual(least);
    }
  });

  it('is not packed in modules that are compiled after a wide one', () => {
    const work = `matmul(numbers(48, 64), numbers(64, 48));
      tensors.setDefaultBackend(tensors.wasmBackend({ threads: 1, wide: false }));
      for (let i = 0; i < 1000; i++) gelu(numbers(64, 128)).dispose()`;
    const found = packedInstructions(work, ['vfmadd', 'vdivps'], true);
    expect(found['vfmadd']).toBeGreaterThanOrEqual(12);
    expect(found['vdivps']).toBe(0);
  });

  it('is not packed where kernels are narrow', () => {
    const { work, packed } = works[0];
    const found = packedInstructions(work, Object.keys(packed), false);
    expect(Object.values(found)).toEqual(Object.keys(packed).map(() => 0));
  });
});
