import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PackedProject, type Compilation } from './packed-project.ts';

// The published types, read by a strict compiler that checks libraries too.

vi.setConfig({ testTimeout: 180_000, hookTimeout: 600_000 });

const project = new PackedProject();

beforeAll(() => {
  project.install();
});

afterAll(() => {
  project.remove();
});

describe.each([
  { target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext' },
  { target: 'es2023', module: 'esnext', moduleResolution: 'bundler' },
])('TypeScript with target $target and moduleResolution $moduleResolution', (options) => {
  const entries = [
    '@tessera/tensor',
    '@tessera/tensor/extend',
    '@tessera/tensor/gpu',
    '@tessera/tensor/linalg',
    '@tessera/tensor/testing',
    '@tessera/autograd',
    '@tessera/autograd/nn',
    '@tessera/autograd/optim',
    '@tessera/autograd/debug',
    '@tessera/autograd/testing',
    '@tessera/onnx',
    '@tessera/dit',
    '@tessera/dit/node',
  ];

  it('reads the types of every entry, with the library check on, and types values', () => {
    const imports = entries.map((entry, i) => `import * as e${i} from '${entry}';`).join('\n');
    const uses = entries.map((_, i) => `e${i}`).join(', ');
    const { output, status } = compile(`
      ${imports}
      import { ones, tensor, TesseraError, type Tensor } from '@tessera/tensor';
      import { grad } from '@tessera/autograd';
      import { Module } from '@tessera/autograd/nn';
      export const entries = [${uses}];
      export const slope: Tensor = grad((x: Tensor) => x.mul(2).sum())(tensor([1, 2]));
      export const values: Promise<ArrayLike<number>> = slope.data();
      export class Scale extends Module {
        readonly weight: Tensor = ones([2]);
      }
      export class MyError extends TesseraError {
        static override readonly name: string = 'MyError';
      }
    `);
    expect(output).toBe('');
    expect(status).toBe(0);
  });

  it('refuses a wrong type', () => {
    const { output, status } = compile(`
      import { tensor } from '@tessera/tensor';
      export const sum: string = tensor([1, 2]).sum();
    `);
    expect(output).toContain("Type 'Tensor' is not assignable to type 'string'");
    expect(status).not.toBe(0);
  });

  function compile(source: string): Compilation {
    project.write('main.ts', source);
    return project.compile(['main.ts'], options);
  }
});
