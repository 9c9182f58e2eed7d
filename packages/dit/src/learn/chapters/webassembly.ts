// The exercises of chapter 9 of the tour, with their solutions.

import { tensor } from '@tessera/tensor';
import type { Chapter } from '../exercise.ts';

/** What is used here of the engine's own WebAssembly, whose types come with those of pages. */
interface Engine {
  instantiate(bytes: Uint8Array): Promise<{ readonly instance: Instance }>;
}
interface Instance {
  readonly exports: Readonly<Record<string, () => number>>;
}
const { WebAssembly: engine } = globalThis as unknown as { readonly WebAssembly: Engine };

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The module of one function `run` without arguments that gives an i32, made of the bytes of its code. */
function moduleOf(code: readonly number[]): Uint8Array {
  const body = [0, ...code, 0x0b];
  const type = [1, 5, 1, 0x60, 0, 1, 0x7f]; // () → i32
  const functions = [3, 2, 1, 0]; // one of that type
  const exported = [7, 7, 1, 3, ...new TextEncoder().encode('run'), 0, 0];
  const bodies = [10, body.length + 2, 1, body.length, ...body];
  return Uint8Array.from([HEADER, type, functions, exported, bodies].flat());
}

/** What the engine computes by some code; `undefined` if there is none. */
async function run(code: unknown): Promise<unknown> {
  if (!Array.isArray(code)) return code;
  const { instance } = await engine.instantiate(moduleOf(code as number[]));
  return instance.exports.run();
}

/** `i32.const n` for a small n. */
const constant = (n: number): number[] => [0x41, n];

/** Chapter 9: bytes and panels. */
export const webassembly: Chapter = {
  title: 'WebAssembly',
  question: 'How does a plan become machine code on all cores?',
  imports: [],
  exercises: [
    {
      name: 'isModule',
      task: 'Given a `Uint8Array`, tell by true or false whether it begins as every WebAssembly file does: a zero byte, the letters `asm`, and the version 1 in four bytes.',
      stub: 'export function isModule(bytes) {}',
      hint: 'The chapter prints the eight bytes.',
      solution: `export function isModule(bytes) {
  return [0, 97, 115, 109, 1, 0, 0, 0].every((byte, i) => bytes[i] === byte);
}`,
      trials: () => [
        {
          call: 'isModule(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4))',
          run: (f) => f(Uint8Array.from([...HEADER, 1, 4])),
          expected: true,
        },
        {
          call: 'isModule(Uint8Array.of(0, 97, 115, 109, 2, 0, 0, 0))',
          run: (f) => f(Uint8Array.of(0, 97, 115, 109, 2, 0, 0, 0)),
          expected: false,
        },
        {
          call: 'isModule(Uint8Array.of(0, 97, 115, 109))',
          run: (f) => f(Uint8Array.of(0, 97, 115, 109)),
          expected: false,
        },
      ],
    },
    {
      name: 'addCode',
      task: 'Write `i32.add` of the assembler: given the code of `a` and the code of `b`, arrays of bytes, give the code of their sum. It is run by the engine.',
      stub: 'export function addCode(a, b) {}',
      hint: 'First the operands, then the byte of the operation, `0x6a`.',
      solution: `export function addCode(a, b) {
  return [...a, ...b, 0x6a];
}`,
      trials: () => [
        {
          call: 'the result of addCode([0x41, 2], [0x41, 3]), two constants',
          run: (f) => run(f(constant(2), constant(3))),
          expected: 5,
        },
        {
          call: 'the result of addCode(addCode([0x41, 1], [0x41, 2]), [0x41, 4])',
          run: (f) => run(f(f(constant(1), constant(2)), constant(4))),
          expected: 7,
        },
      ],
    },
    {
      name: 'panels',
      task: 'A step k of a product reads row k of the right factor, some columns at a time. Given the factor `b` of shape [k, n] and a `width` that divides n, pack it into panels: give the tensor of shape [n / width, k, width] whose panel p holds the columns p · width to p · width + width − 1.',
      stub: 'export function panels(b, width) {}',
      hint: 'Cut the last axis in two by `reshape`, then bring the axis of the panels to the front by `permute`.',
      solution: `export function panels(b, width) {
  const [k, n] = b.shape;
  return b.reshape([k, n / width, width]).permute([1, 0, 2]);
}`,
      trials: () => [
        {
          call: 'panels(tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), 2)',
          run: (f) => {
            const rows = [
              [1, 2, 3, 4],
              [5, 6, 7, 8],
            ];
            return f(tensor(rows), 2);
          },
          expected: [
            [
              [1, 2],
              [5, 6],
            ],
            [
              [3, 4],
              [7, 8],
            ],
          ],
        },
      ],
    },
  ],
};
