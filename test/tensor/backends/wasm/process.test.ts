import { describe, expect, it } from 'vitest';
import { runTypeScript } from '../../../docs/fences.ts';

/** Runs a module in a process of its own and gives what it printed; rejects unless it exits with code 0. */
function run(code: string): Promise<string> {
  return runTypeScript(['--input-type=module', '--eval', code]);
}

const WORK = `
  import { key, matmul, normal, setDefaultBackend, wasmBackend } from '@tessera/tensor';
  const backend = wasmBackend({ threads: 2 });
  setDefaultBackend(backend);
  const x = normal(key(0), [300, 300]);
  console.log(matmul(x, x).shape.join());
`;

describe('a process that computes on two threads', () => {
  it('exits by itself when the work is done', async () => {
    expect(await run(WORK)).toBe('300,300\n');
  });

  it('exits by itself while a promise waits for values', async () => {
    expect(await run(`${WORK} console.log((await matmul(x, x).data()).length);`)).toBe(
      '300,300\n90000\n',
    );
  });

  it('may end its threads, and use them again', async () => {
    const code = `${WORK} backend.stopThreads(); console.log(matmul(x, x.add(1)).shape.join());`;
    expect(await run(code)).toBe('300,300\n300,300\n');
  });

  it('needs no right to make code of text', async () => {
    const code = `
      import { setFlagsFromString } from 'node:v8';
      ${WORK}
    `;
    expect(
      await runTypeScript([
        '--disallow-code-generation-from-strings',
        '--input-type=module',
        '--eval',
        code,
      ]),
    ).toBe('300,300\n');
  });
});
