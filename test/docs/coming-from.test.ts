import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ENTRIES } from './docstrings.ts';
import { runExample } from './example-run.ts';
import { fencesOf } from './fences.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const file = 'docs/coming-from.md';

/** One row of the page. */
interface Row {
  readonly line: number;
  /** What NumPy, PyTorch and TensorFlow.js call it, as far as they have it. */
  readonly names: readonly string[];
  readonly here: string;
  /** A literal or a dtype with a shape; empty if nothing is given. */
  readonly gives: string;
}

/** The text of a cell of code, or nothing. */
function codeOf(cell: string): string {
  return /^`(.*)`$/.exec(cell.trim())?.[1].replaceAll('\\|', '|') ?? '';
}

const rows = readFileSync(root + file, 'utf8')
  .split('\n')
  .flatMap((text, i): Row[] => {
    if (!text.startsWith('|') || /^\| (?:NumPy|-)/.test(text)) return [];
    const cells = text.split(/(?<!\\)\|/).slice(1, -1);
    expect(cells).toHaveLength(6);
    const [numpy, torch, tfjs, here, gives] = cells.map(codeOf);
    const names = [numpy, torch, tfjs].filter((name) => name !== '');
    return [{ line: i + 1, names, here, gives }];
  });

/** The exports of an entry, the same instances that other entries have. */
const load = (module: string): Promise<Readonly<Record<string, unknown>>> =>
  import(/* @vite-ignore */ module) as Promise<Readonly<Record<string, unknown>>>;

const entries = Object.keys(ENTRIES).filter((name) => !/\/(?:node|testing|extend)$/.test(name));
const [{ code: preamble }] = fencesOf(file);

describe('the page for those who come from elsewhere', () => {
  it('has at least 150 rows, each with a name from elsewhere and code of ours', () => {
    expect(rows.length).toBeGreaterThanOrEqual(150);
    expect(rows.filter(({ names, here }) => names.length === 0 || here === '')).toEqual([]);
  });

  it('says of almost every row what it gives: values, or dtype and shape', () => {
    const given = rows.filter(({ gives }) => gives !== '');
    expect(rows.length - given.length).toBeLessThan(5);
    const form = /^(?:(?:float32|int32|bool)\[[\d, ]*\]|\[.*\]|-?[\d.]+|true|false|'.*')$/;
    expect(given.filter(({ gives }) => !form.test(gives))).toEqual([]);
  });

  it('is what the READMEs of the packages refer to', () => {
    for (const name of ['tensor', 'autograd', 'dit']) {
      expect(readFileSync(`${root}packages/${name}/README.md`, 'utf8')).toContain(file);
    }
  });

  it.each(rows)('line $line runs: $here', async ({ line, here, gives }) => {
    const code = `${preamble}${here};${gives === '' ? '' : ` // ${gives}`}\n`;
    const words = new Set(code.match(/[A-Za-z]\w*/g));
    const imports = new Map<string, string[]>();
    for (const entry of entries) {
      const used = Object.keys(await load(entry)).filter((name) => words.delete(name));
      imports.set(entry, used);
    }
    await expect(runExample({ place: `${file}:${line}`, code, imports }, load)).resolves.toBe(
      undefined,
    );
  });
});
