import { mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError, StateError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STAGES } from '../../../packages/dit/src/config/choices.ts';
import {
  appendLogRow,
  LogWriter,
  readLog,
  type LogRow,
} from '../../../packages/dit/src/run/log.ts';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-log-'));
  path = join(dir, 'log.jsonl');
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

// JSON has no -0: it comes back as 0.
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x));

const rows: fc.Arbitrary<LogRow> = fc.record(
  {
    stage: fc.constantFrom(...STAGES),
    step: fc.integer({ min: 1, max: 1e9 }),
    loss: finite,
    gradNorm: finite,
    imagesPerSecond: finite,
  },
  { requiredKeys: ['stage', 'step', 'loss', 'gradNorm', 'imagesPerSecond'] },
);

const row: LogRow = {
  stage: 'diffusion',
  step: 7,
  loss: 0.5,
  gradNorm: 1.25,
  imagesPerSecond: 100,
};

/** The text of the error of reading a log with this content. */
async function problem(content: string): Promise<string> {
  await writeFile(path, content);
  try {
    await readLog(path);
  } catch (error) {
    return String(error).replaceAll(dir, 'DIR');
  }
  return 'accepted';
}

test('a row is one line of JSON', async () => {
  await appendLogRow(path, row);
  expect(await readFile(path, 'utf8')).toBe(
    '{"stage":"diffusion","step":7,"loss":0.5,"gradNorm":1.25,"imagesPerSecond":100}\n',
  );
});

test('rows come back as they were appended', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 5 }), async (all) => {
      await rm(path, { force: true });
      for (const one of all) {
        await appendLogRow(path, one);
      }
      expect(await readLog(path)).toEqual(all);
    }),
    { numRuns: 30 },
  );
});

test('a loss that is not finite is refused before it is written', async () => {
  for (const loss of [NaN, Infinity, -Infinity]) {
    await expect(appendLogRow(path, { ...row, loss })).rejects.toThrow(StateError);
  }
  await appendLogRow(path, row);
  expect(await readLog(path)).toEqual([row]);
});

describe('a training that cannot write its log', () => {
  test('keeps the rows, and writes them when it can', async () => {
    const notices: string[] = [];
    const log = new LogWriter(path, (text) => notices.push(text.replaceAll(dir, 'DIR')));
    await log.append([row]);
    await rename(path, `${path}.away`);
    await mkdir(path);
    await log.append([{ ...row, step: 8 }]);
    await log.append([{ ...row, step: 9 }]);
    await rm(path, { recursive: true });
    await rename(`${path}.away`, path);
    await log.append([]);
    expect((await readLog(path)).map(({ step }) => step)).toEqual([7, 8, 9]);
    expect(notices).toEqual([
      'DIR/log.jsonl cannot be written: it is a folder (EISDIR). Name a file. The training goes on, and its log when it can.',
    ]);
  });
});

describe('reading', () => {
  const line = JSON.stringify(row);

  test('names file and line of what is mangled', async () => {
    const notJson =
      /^FormatError: readLog: DIR\/log\.jsonl:2: not JSON \(.+\)\. Was the run cut off\? Delete the line\.$/;
    expect(await problem(`${line}\n{"step":\n`)).toMatch(notJson);
    expect(await problem(`${line}\n${line}`)).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:2: the line does not end. Was the run cut off? Delete the line."`,
    );
    expect(await problem(`${line}\n\n${line}\n`)).toMatch(notJson);
    expect(await problem(`${line.replace('0.5', 'null')}\n`)).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:1: loss: expected number, got null."`,
    );
    expect(await problem(`${line.replace('gradNorm', 'norm')}\n`)).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:1: gradNorm: missing."`,
    );
    expect(await problem(`${line.replace('diffusion', 'gan')}\n`)).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:1: stage: expected ("autoencoder" | "diffusion"), got "gan"."`,
    );
    expect(await problem(`${line.replace('{', '{"loss":1,')}\n`)).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:1: not JSON (the key "loss" stands twice). Was the run cut off? Delete the line."`,
    );
    const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(await problem(`${line.replace('0.5', nested)}\n`)).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:1: not JSON (nested over 64 deep). Was the run cut off? Delete the line."`,
    );
    expect(await problem('[1]\n')).toMatchInlineSnapshot(
      `"FormatError: readLog: DIR/log.jsonl:1: stage: missing."`,
    );
  });

  test('every cut in the middle of a line is refused', async () => {
    for (let length = 1; length <= line.length; length++) {
      await writeFile(path, `${line}\n${line.slice(0, length)}`);
      await expect(readLog(path)).rejects.toThrow(FormatError);
    }
  });

  test('an empty log has no rows, a missing one is reported', async () => {
    await writeFile(path, '');
    expect(await readLog(path)).toEqual([]);
    await expect(readLog(join(dir, 'none.jsonl'))).rejects.toThrow(/ENOENT/);
  });

  test('a log that is too large to be one is refused before it is read', async () => {
    await writeFile(path, '');
    for (const size of [6e8, 3e9]) {
      await truncate(path, size);
      await expect(readLog(path)).rejects.toThrow(
        `log.jsonl: found ${size} bytes, expected at most 268435456. Is it another file?`,
      );
    }
  });
});
