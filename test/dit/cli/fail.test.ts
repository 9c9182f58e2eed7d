import { readFile } from 'node:fs/promises';
import { EventEmitter } from 'node:events';
import { FormatError } from '@tessera/tensor';
import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { exitCodeOf, ignoreClosedPipe } from '../../../packages/dit/src/cli/fail.ts';

/** How a command that does this ends: its exit code and what it printed. */
async function ending(command: () => Promise<unknown>): Promise<[code: number, text: string]> {
  let text = '';
  const code = await exitCodeOf(command, (more) => {
    text += more;
  });
  return [code, text];
}

test('success prints nothing', async () => {
  expect(await ending(() => Promise.resolve('done'))).toEqual([0, '']);
});

test('bad input is one line without the name of a function, and exit code 2', async () => {
  const refused = (): Promise<never> =>
    Promise.reject(new FormatError('decodeIdxImages', 'a.idx: found\n  nothing.'));
  expect(await ending(refused)).toEqual([2, 'error: a.idx: found nothing.\n']);
});

test('what the file system refuses is one line and exit code 2', async () => {
  const [code, text] = await ending(() => readFile('does-not-exist.json'));
  expect(code).toBe(2);
  expect(text).toMatch(/^error: ENOENT: no such file or directory, open '.*'\n$/);
});

test('what commander refuses has been printed already', async () => {
  const end = (exitCode: number): Promise<[number, string]> =>
    ending(() => Promise.reject(new CommanderError(exitCode, 'code', 'message')));
  expect(await end(1)).toEqual([2, '']);
  expect(await end(0)).toEqual([0, '']);
});

test('a defect keeps its stack and gives exit code 1', async () => {
  const [code, text] = await ending(() => Promise.reject(new TypeError('x is not a function')));
  expect(code).toBe(1);
  expect(text).toMatch(/^TypeError: x is not a function\n {4}at /);
});

test('a thrown value that is no error gives exit code 1', async () => {
  const thrown: unknown = 'just text';
  const [code, text] = await ending(async () => {
    await Promise.resolve();
    throw thrown as Error;
  });
  expect([code, text]).toEqual([1, 'error: just text\n']);
});

test('a closed pipe is ignored, other errors of a stream are not', () => {
  const stream = new EventEmitter() as EventEmitter & NodeJS.WritableStream;
  ignoreClosedPipe(stream);
  const error = (code: string): Error => Object.assign(new Error(code), { code });
  expect(() => stream.emit('error', error('EPIPE'))).not.toThrow();
  expect(() => stream.emit('error', error('EIO'))).toThrow('EIO');
});
