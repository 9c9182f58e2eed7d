/** Saved states as files: what comes back, what is refused, which stay, and who may write them. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { presetConfig } from '@tessera/dit';
import {
  decodeSafetensors,
  encodeSafetensors,
  FormatError,
  key,
  normal,
  tensor,
  tree,
  wasmBackend,
  setDefaultBackend,
} from '@tessera/tensor';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockRun, type RunLock } from '../../../packages/dit/src/run/state/run-lock.ts';
import {
  decodeState,
  encodeState,
  type StatePlace,
} from '../../../packages/dit/src/run/state/state-file.ts';
import { listStates, readNewestState } from '../../../packages/dit/src/run/state/state-folder.ts';
import { StateWriter } from '../../../packages/dit/src/run/state/state-writer.ts';

const place: StatePlace = {
  stage: 'diffusion',
  step: 7,
  log: 123,
  config: presetConfig('smoke'),
  sources: { data: 'abc' },
};

const training = {
  model: { w: normal(key(1), [3, 4]) },
  averages: [{ w: tensor([0, -0, 1e-45, 3e38]) }],
  key: tensor([-1, 2 ** 31 - 1], { dtype: 'int32' }),
};

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-state-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('the file of a state', () => {
  test('gives back what was saved, to the bit, on any number of threads', async () => {
    const bytes = await encodeState(place, { training });
    const bitsOf = (root: unknown): unknown =>
      tree
        .entries(root)
        .map(([path, x]) => [
          path,
          x.dtype,
          x.shape,
          Buffer.from(x.dataSync().buffer).toString('hex'),
        ]);
    const expected = bitsOf(training);
    for (const threads of [1, 2]) {
      const wasm = wasmBackend({ threads });
      const before = setDefaultBackend(wasm);
      try {
        const { take, path: _, ...rest } = decodeState(bytes, 'state');
        expect(rest).toEqual(place);
        const back = take('training', training);
        expect(bitsOf(back)).toEqual(expected);
        expect(await encodeState(place, { training: back })).toEqual(bytes);
        expect(() => take('training', training)).toThrow(/state: .*missing/);
      } finally {
        setDefaultBackend(before);
        wasm.stopThreads();
      }
    }
  });

  test('is a safetensors file that others read', async () => {
    const { tensors, metadata } = decodeSafetensors(await encodeState(place, { training }));
    expect([...tensors.keys()].sort()).toEqual([
      'training.averages.0.w',
      'training.key',
      'training.model.w',
    ]);
    expect(metadata).toMatchObject({ format: 'tessera-state', stage: 'diffusion', step: '7' });
  });

  test('is refused with any bit changed, and cut anywhere', async () => {
    const bytes = await encodeState(place, { training });
    const bit = fc.nat({ max: 8 * bytes.length - 1 });
    fc.assert(
      fc.property(bit, (at) => {
        const spoilt = bytes.slice();
        spoilt[at >> 3] ^= 1 << (at & 7);
        expect(() => decodeState(spoilt, 'state')).toThrow(FormatError);
      }),
    );
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
        expect(() => decodeState(bytes.slice(0, length), 'state')).toThrow(FormatError);
      }),
    );
    expect(() => decodeState(encodeSafetensors(new Map()), 'state')).toThrow(
      'train: state is damaged: its checksum is another one.',
    );
  });

  test('is of no use with numbers that are not finite', async () => {
    const diverged = await encodeState(place, { training: { w: tensor([1, NaN]) } });
    expect(() => decodeState(diverged, 'state')).toThrow(
      'train: state is of no use: "training.w" holds NaN.',
    );
  });
});

describe('a folder', () => {
  const notices: string[] = [];
  const onNotice = (text: string): void => {
    notices.push(text.replaceAll(dir, 'RUN'));
  };
  let lock: RunLock;

  beforeEach(async () => {
    notices.length = 0;
    lock = await lockRun(dir, onNotice);
  });

  const writerOf = (keep: number, onSave = (): void => undefined): StateWriter =>
    new StateWriter({ run: dir, lock, keep, onNotice, onSave });

  test('keeps the last states, and gives the newest', async () => {
    const writer = writerOf(2);
    const places = [
      { ...place, stage: 'autoencoder', step: 900 } as const,
      ...[0, 50, 1_000_000].map((step) => ({ ...place, step })),
    ];
    for (const each of places) await writer.save(each, { training });
    expect(await writer.settle()).toMatchObject({ stage: 'diffusion', step: 1_000_000 });
    expect(await listStates(dir)).toEqual(
      [1_000_000, 50].map((step) => ({ stage: 'diffusion', step })),
    );
    expect(await readNewestState(dir, onNotice)).toMatchObject({ step: 1_000_000 });
    // What goes on from an earlier state drops the later ones, which were damaged.
    await writer.save({ ...place, step: 60 }, { training });
    await writer.keepLast();
    expect(await listStates(dir)).toEqual([{ stage: 'diffusion', step: 60 }]);
    expect(notices).toEqual([]);
  });

  test('may be read out and changed at once: the file has the values of that moment', async () => {
    const values = Float32Array.of(1, 2);
    const writer = writerOf(1);
    await writer.save(place, { training: { w: tensor(values) } });
    values.fill(9);
    await writer.settle();
    const state = await readNewestState(dir, onNotice);
    expect([...(state?.take('training', { w: tensor(values) }).w.dataSync() ?? [])]).toEqual([
      1, 2,
    ]);
  });

  test('that cannot be written costs the training one notice, until it can again', async () => {
    const saved: unknown[] = [];
    const writer = writerOf(2, () => saved.push(1));
    const path = join(dir, 'state', 'diffusion-000007.safetensors');
    await mkdir(path); // stands in the way
    await writeFile(join(path, 'inside'), '');
    for (const _ of [1, 2]) await writer.save(place, { training });
    await writer.settle();
    expect(notices).toEqual([
      'RUN/state/diffusion-000007.safetensors cannot be written: it is a folder (EISDIR). Name a file. The training goes on, and saves its state when it can.',
    ]);
    expect(saved).toEqual([]);
    await rm(path, { recursive: true });
    await writer.save(place, { training });
    expect(await writer.settle()).toMatchObject({ step: 7 });
    expect(saved).toEqual([1]);
    expect((await readdir(join(dir, 'state'))).sort()).toEqual([
      'diffusion-000007.safetensors',
      'lock.json',
    ]);
    await rm(dir, { recursive: true });
    await writer.save({ ...place, step: 8 }, { training });
    await writer.settle();
    expect(notices[1]).toMatch(/^RUN\/state cannot be written: it or its folder does not exist/);
  });
});

describe('a lock', () => {
  const path = (): string => join(dir, 'state', 'lock.json');

  test('lets one process in, and leaves nothing', async () => {
    const lock = await lockRun(dir, () => undefined);
    await expect(lockRun(dir, () => undefined)).rejects.toThrow(
      new RegExp(
        `is in use by process ${process.pid} on ${hostname()}, which began \\d+ seconds? ago\\. Wait for it, or stop it first\\.$`,
      ),
    );
    await lock.check();
    await lock.release();
    expect(await readdir(dir)).toEqual([]);
    await (await lockRun(dir, () => undefined)).release();
  });

  test('of a process that has ended is taken over, and said', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const since = new Date(Date.now() - 7_260_000).toISOString();
    const left = { id: 'x', host: hostname(), since };
    await mkdir(join(dir, 'state'));
    // One that is no more; one whose number this process has now; and one that a power cut emptied.
    for (const owner of [{ ...left, pid }, { ...left, pid: process.pid }, undefined]) {
      await writeFile(path(), owner === undefined ? '' : JSON.stringify(owner));
      const notices: string[] = [];
      const lock = await lockRun(dir, (text) => notices.push(text));
      expect(notices).toEqual([
        owner === undefined
          ? `${dir} was locked by a process that has ended. The lock is taken over.`
          : `${dir} was locked by process ${owner.pid} on ${hostname()}, which began 2 hours ago, and has ended. The lock is taken over.`,
      ]);
      expect(JSON.parse(await readFile(path(), 'utf8'))).toMatchObject({ pid: process.pid });
      await lock.release();
      await mkdir(join(dir, 'state'));
    }
  });

  test('of another machine stays, and says how to remove it', async () => {
    await mkdir(join(dir, 'state'));
    const owner = { id: 'x', host: 'elsewhere', pid: 1, since: new Date().toISOString() };
    await writeFile(path(), JSON.stringify(owner));
    await expect(lockRun(dir, () => undefined)).rejects.toThrow(
      `process 1 on elsewhere, which began 0 seconds ago. If it has ended, remove ${path()}.`,
    );
  });

  test('that another process has taken over ends a training before it writes', async () => {
    const lock = await lockRun(dir, () => undefined);
    const owner = { id: 'x', host: 'elsewhere', pid: 1, since: new Date().toISOString() };
    await writeFile(path(), JSON.stringify(owner));
    const writer = new StateWriter({
      run: dir,
      lock,
      keep: 1,
      onNotice: () => undefined,
      onSave: () => undefined,
    });
    await expect(writer.save(place, { training })).rejects.toThrow(
      /was taken over by process 1 on elsewhere.*This training ends here and leaves the folder to it\.$/,
    );
    await lock.release();
    expect(await readdir(join(dir, 'state'))).toEqual(['lock.json']);
  });
});
