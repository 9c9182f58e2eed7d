import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scalar, type Tensor } from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { runTypeScript } from './fences.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const file = 'examples/00-whole-idea.ts';
const text = readFileSync(root + file, 'utf8');

/** The names that the file declares at its top level. */
const declared = ts
  .createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
  .statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement)) return [statement.name?.text ?? ''];
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  });

describe('the whole idea in one file', () => {
  it('has at most 200 lines and imports nothing', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
    expect(ts.preProcessFile(text).importedFiles).toEqual([]);
  });

  it('prints rules, derivatives, strides, a plan, and a loss that falls', async () => {
    expect(await runTypeScript([file])).toMatchInlineSnapshot(`
      "mul ā = ȳ·b, b̄ = ȳ·a
      sin x̄ = ȳ·cos x
      -0.7568
      -2.6146
      10.8016
      strides [ 3, 1 ] transposed [ 1, 3 ]
      t0[i,j] = Σk mul(in0[i,k], in1[k,j])
      t1[i,j] = sin(t0[i,j])
      a training step: 50 operations, 19 loops
      step 0: loss 6.1809
      step 10: loss 0.7219
      step 20: loss 0.2428
      step 30: loss 0.0137
      "
    `);
  });

  it('differentiates as the packages do', async () => {
    const printed = await runTypeScript([file]);
    const first = grad((x: Tensor) => x.square().sin());
    const derivatives = [scalar(2).square().sin(), first(scalar(2)), grad(first)(scalar(2))];
    for (const derivative of derivatives) {
      expect(printed).toContain(`\n${derivative.itemSync().toFixed(4)}\n`);
    }
  });
});

describe('what the tour says of that file', () => {
  const folder = `${root}docs/tour/`;
  const chapters = readdirSync(folder).filter((name) => /^\d\d-/.test(name));
  const mentions = chapters.flatMap((chapter) => {
    const lines = readFileSync(folder + chapter, 'utf8').split('\n');
    const line = lines.find((each) => each.startsWith('**In small.**'));
    return line === undefined ? [] : [{ chapter, line }];
  });

  it('is said in most chapters', () => {
    expect(mentions.length).toBeGreaterThanOrEqual(7);
  });

  it.each(mentions)('$chapter names functions that exist', ({ line }) => {
    const names = [...line.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(declared).toEqual(expect.arrayContaining(names));
    expect(line).toContain(`(../../${file})`);
  });
});
