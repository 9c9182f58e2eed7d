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

describe('a backend that nobody can reach any more', () => {
  it.each([1, 2])('is collected, with its programs, memory and threads: of %i', async (threads) => {
    const code = `
      import { setTimeout } from 'node:timers/promises';
      import { compile, key, matmul, normal, setDefaultBackend, wasmBackend } from '@tessera/tensor';

      const made = [];
      const ended = [];
      const watch = (name, object) => made.push([name, new WeakRef(object)]);
      for (const name of ['Memory', 'Module', 'Instance']) {
        WebAssembly[name] = class extends WebAssembly[name] {
          constructor(...args) {
            super(...args);
            watch(name, this);
          }
        };
      }
      const node = process.getBuiltinModule('node:worker_threads');
      node.Worker = class extends node.Worker {
        constructor(...args) {
          super(...args);
          watch('Worker', this);
          this.on('exit', () => ended.push('thread'));
        }
      };
      function use() {
        const backend = wasmBackend({ threads: ${threads} });
        setDefaultBackend(backend);
        const f = compile((x) => matmul(x, x.add(1)));
        const x = normal(key(0), [300, 300]);
        for (let i = 0; i < 3; i++) f(x);
        watch('backend', backend);
        watch('function', f);
        watch('tensor', x);
        setDefaultBackend(null);
      }
      use();
      for (let i = 0; i < 20; i++) {
        await setTimeout(10);
        gc();
      }
      await setTimeout(10);
      const names = (list) => [...new Set(list.map(([name]) => name))].join();
      console.log(names(made));
      console.log('left:', names(made.filter(([, reference]) => reference.deref() !== undefined)));
      console.log('ended:', ended.length);
    `;
    const output = await runTypeScript(['--expose-gc', '--input-type=module', '--eval', code]);
    const workers = threads > 1 ? 'Worker,' : '';
    expect(output.split('\n')).toEqual([
      expect.stringContaining(`${workers}backend,function,tensor`),
      'left: ',
      `ended: ${threads - 1}`,
      '',
    ]);
  });
});
