import { readdirSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { withValues } from '../../packages/studio/src/code/values.ts';
import { evaluate, problemOf } from '../../packages/studio/src/code/worker/evaluate.ts';
import { fencesOf } from '../docs/fences.ts';

const chapters = readdirSync('docs/tour').filter((file) => /^\d\d-.*\.md$/.test(file));

describe('code of a reader', () => {
  beforeEach(() => setDefaultBackend(wasmBackend({ threads: 1 })));

  it.each(chapters)('%s prints in a page what it prints in Node', async (chapter) => {
    for (const { code, output, line } of fencesOf(`docs/tour/${chapter}`)) {
      const { printed } = await evaluate(withValues(code));
      expect(printed.join('\n').trimEnd(), `line ${line}`).toBe(output.trimEnd());
    }
  });

  it('says what its statements give, unless it prints by itself', async () => {
    const code = `const x: Tensor = tensor([1, 2]); // [1, 2]
const hidden = 3;
let sum = 0;
sum += hidden;
x.mul(2)
  .sum()
  .itemSync();
sum; // 3`;
    const { printed } = await evaluate(withValues(code));
    expect(printed).toEqual([
      'x → float32[2] [1, 2]',
      'x.mul(2) .sum() .itemSync() → 6',
      'sum → 3',
    ]);
  });

  it('takes names of the module that it is about', async () => {
    const code =
      "trace(([x]) => [x.exp()], [{ shape: [3], dtype: 'float32' }]).instructions.length;";
    await expect(evaluate(code)).rejects.toThrow('trace: x must be a tensor');
    const { printed } = await evaluate(withValues(code), '@tessera/tensor/extend');
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(/→ 1$/);
  });

  it('names the line of what is no TypeScript, and a module that a page has not', async () => {
    const problem = await evaluate('const a = 1;\nconst b: = 2;').catch((error: unknown) =>
      problemOf(error, []),
    );
    expect(problem).toMatchObject({ name: 'SyntaxError', line: 2, isSyntax: true });
    await expect(evaluate("import { readFileSync } from 'node:fs';")).rejects.toThrow(
      'A page has no module node:fs.',
    );
  });
});
