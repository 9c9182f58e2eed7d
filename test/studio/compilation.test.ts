import { beforeAll, describe, expect, it } from 'vitest';
import { compile, setDefaultBackend, wasmBackend } from '@tessera/tensor';
import type { CompiledFacts } from '../../packages/studio/src/code/code-messages.ts';
import { Compilation } from '../../packages/studio/src/code/worker/compilation.ts';
import { evaluate, type Asked } from '../../packages/studio/src/code/worker/evaluate.ts';
import { derivative } from '../../packages/studio/src/code/worker/tape.ts';
import { EXAMPLES } from '../../packages/studio/src/rooms/inside/examples.ts';

/** What an example asks for, and what the compiler makes of its derivative. */
async function compiled(name: string, order = 0): Promise<{ asked: Asked; facts: CompiledFacts }> {
  const code = EXAMPLES.find((example) => example.name === name)?.code ?? '';
  const { asked } = await evaluate(code);
  if (asked === null) throw new Error(`${name} asks for nothing`);
  const derived = derivative(asked, order);
  return { asked: derived, facts: new Compilation(derived).facts };
}

describe('the stages of the compiler, as the room Look inside shows them', () => {
  let block: CompiledFacts;

  beforeAll(async () => {
    setDefaultBackend(wasmBackend({ threads: 1 }));
    block = (await compiled('block', 1)).facts;
  });

  it.each([
    ['mlp', 0],
    ['softmax', 1],
  ])('%s, derivative %d: are those of compile', async (name, order) => {
    const { asked, facts } = await compiled(name, order);
    const stages = compile(asked.f).stages(...asked.args);
    const texts = (program: string): string[] =>
      program
        .split('\n')
        .flatMap((line) => /^ {2}(v\d.* = .*?)(?: {2}#.*)?$/.exec(line)?.[1] ?? []);
    expect(facts.traced.map(({ text }) => text)).toEqual(texts(stages.traced));
    expect(facts.simplified.map(({ text }) => text)).toEqual(texts(stages.simplified));
    expect(stages.plan).toContain(
      `${facts.kernels.length} kernels, arena ${facts.arenaBytes} bytes`,
    );
  });

  it('say of every line what became of it', () => {
    const { traced, simplified, kernels } = block;
    for (const { text, becomes, fate } of traced) {
      expect(becomes.length > 0 || fate !== '', text).toBe(true);
    }
    simplified.forEach(({ text, becomes, fate }, i) => {
      expect(becomes.length > 0 || fate !== '', text).toBe(true);
      for (const kernel of becomes) expect(kernels[kernel].instructions).toContain(i);
    });
    expect(traced.some(({ fate }) => /^is v\d+$/.test(fate))).toBe(true);
  });

  it('give temporaries that live at the same time bytes of their own', () => {
    const { buffers, arenaBytes } = block;
    expect(buffers.length).toBeGreaterThan(20);
    for (const a of buffers) {
      expect(a.offset + a.bytes).toBeLessThanOrEqual(arenaBytes);
      for (const b of buffers) {
        // In its last kernel a temporary may be written over.
        const meet = a !== b && a.first < b.last && b.first < a.last;
        const overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
        expect(meet && overlap, `${a.name} and ${b.name}`).toBe(false);
      }
    }
  });

  it('show what the function reads from outside, and refuse one that reads values', async () => {
    const { asked } = await evaluate(
      'const w = tensor([3, 4]); look((x) => x.mul(w), tensor([1, 2]));',
    );
    if (asked === null) throw new Error('nothing was asked for');
    expect(new Compilation(asked).facts.kernels[0].reads).toEqual(['in0', 'const0']);
    const reading = await evaluate('look((x) => x.mul(x.dataSync()[0]), scalar(2));');
    expect(() => reading.asked && new Compilation(reading.asked)).toThrow(
      /StateError|reads|values/,
    );
  });
});
