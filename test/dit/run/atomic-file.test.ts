import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkWritable, writeFileAtomic } from '../../../packages/dit/src/run/atomic-file.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-atomic-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('text and bytes arrive whole, and no temporary file stays', async () => {
  await writeFileAtomic(join(dir, 'a.txt'), 'grüße\n');
  await writeFileAtomic(join(dir, 'b.bin'), Uint8Array.of(0, 255, 7));
  expect(await readFile(join(dir, 'a.txt'), 'utf8')).toBe('grüße\n');
  expect([...(await readFile(join(dir, 'b.bin')))]).toEqual([0, 255, 7]);
  expect((await readdir(dir)).sort()).toEqual(['a.txt', 'b.bin']);
});

test('an older file is replaced', async () => {
  const path = join(dir, 'a.txt');
  await writeFile(path, 'a much longer old text');
  await writeFileAtomic(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
});

test('writing at once leaves one of the versions, whole', async () => {
  const path = join(dir, 'a.txt');
  const versions = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(versions.map((text) => writeFileAtomic(path, text)));
  expect(versions).toContain(await readFile(path, 'utf8'));
  expect(await readdir(dir)).toEqual(['a.txt']);
});

test('a rename that fails leaves no temporary file and nothing changed', async () => {
  const path = join(dir, 'taken');
  await mkdir(path);
  await writeFile(join(path, 'inside'), 'kept');
  await expect(writeFileAtomic(path, 'text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(await readdir(dir)).toEqual(['taken']);
  expect(await readFile(join(path, 'inside'), 'utf8')).toBe('kept');
});

test('a write that fails leaves the old file and no temporary one', async () => {
  const path = join(dir, 'a.txt');
  await writeFile(path, 'old');
  const broken = Object.defineProperty(new Uint8Array(4), 'length', {
    get: () => {
      throw new Error('the source broke');
    },
  });
  await expect(writeFileAtomic(path, broken)).rejects.toThrow('the source broke');
  await expect(writeFileAtomic(path, 5 as never)).rejects.toThrow(
    'writeFileAtomic: data must be of type Uint8Array, but is 5.',
  );
  expect(await readdir(dir)).toEqual(['a.txt']);
  expect(await readFile(path, 'utf8')).toBe('old');
});

test('a missing folder is reported', async () => {
  await expect(writeFileAtomic(join(dir, 'none', 'a.txt'), 'x')).rejects.toThrow(/ENOENT/);
  expect(await readdir(dir)).toEqual([]);
});

test('what cannot be written names the file and what to do', async () => {
  const long = join(dir, 'x'.repeat(300));
  for (const attempt of [() => writeFileAtomic(long, 'x'), () => checkWritable(long)]) {
    await expect(attempt()).rejects.toThrow(
      `writeFileAtomic: ${long} cannot be written: the name is too long (ENAMETOOLONG). Choose a shorter one.`,
    );
  }
  await expect(checkWritable(join(dir, 'none', 'a.txt'))).rejects.toThrow(/ENOENT/);
});

test('finding out whether a file can be written leaves nothing, and an older file as it is', async () => {
  const path = join(dir, 'a.txt');
  await checkWritable(path);
  expect(await readdir(dir)).toEqual([]);
  await writeFile(path, 'old');
  await checkWritable(path);
  expect(await readdir(dir)).toEqual(['a.txt']);
  expect(await readFile(path, 'utf8')).toBe('old');
});
