/** Faults of readers that were found once, each as the behaviour that is right. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors, key, tensor, zeros, type Tensor } from '@tessera/tensor';
import { DiT, encodeModule, Generator, initialState } from '@tessera/dit';
import { readData, readLog, readRunConfig, readRuler, replayStep } from '@tessera/dit/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeNet } from '../../../packages/dit/src/evaluate/lenet.ts';
import { readEntries } from '../../../packages/dit/src/model/weights/encode-weights.ts';
import { readAnomalyFile } from '../../../packages/dit/src/run/anomaly-file.ts';
import { readEvaluations } from '../../../packages/dit/src/run/evaluation-log.ts';
import { lockRun } from '../../../packages/dit/src/run/state/run-lock.ts';
import { readText } from '../../../packages/dit/src/run/read-text.ts';
import { Film } from '../../../packages/dit/src/sample/output/film.ts';
import { png, writeFiles } from '../data/data-files.ts';
import { leastConfig } from '../train/stopped-run.ts';
import { RULER_CARD } from './subjects.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-faults-'));
});

afterEach(() => rm(dir, { recursive: true }));

async function problem(read: () => unknown): Promise<string> {
  try {
    await read();
  } catch (error) {
    return String(error).replaceAll(dir, 'DIR');
  }
  return 'accepted';
}

describe('a text file', () => {
  it('is UTF-8, or refused with the place of the first other byte', async () => {
    const path = join(dir, 'config.json');
    const text = Buffer.from('{"data": "Übung", "preset": "é"}', 'utf8');
    const latin = Buffer.concat([text.subarray(0, 20), Buffer.from([0xe9]), text.subarray(20)]);
    await writeFile(path, latin);
    expect(await problem(() => readRunConfig(dir))).toMatchInlineSnapshot(
      `"FormatError: readTrainConfig: DIR/config.json: the bytes from 20 on are not UTF-8. Save the file as UTF-8, or is it another one?"`,
    );
    for (const end of [1, 2, 3]) {
      await writeFile(path, Buffer.concat([Buffer.from('a'.repeat(end)), Buffer.from([0xc3])]));
      expect(await problem(() => readText('read', path, 99))).toContain(`the bytes from ${end} on`);
    }
    await writeFile(join(dir, 'log.jsonl'), Buffer.from([0x7b, 0xff, 0x0a]));
    expect(await problem(() => readLog(join(dir, 'log.jsonl')))).toMatch(
      /bytes from 1 on are not UTF-8/,
    );
  });

  it('that is a pipe or a device is read up to its limit', async () => {
    expect(await problem(() => readText('read', '/dev/zero', 1000))).toMatchInlineSnapshot(
      `"FormatError: read: /dev/zero: found more than 1000 bytes, expected at most 1000. Is it another file?"`,
    );
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [text] = await Promise.all([readText('read', pipe, 5), writeFile(pipe, 'hallo')]);
    expect(text).toBe('hallo');
  });

  it('of scores counts empty lines too', async () => {
    await writeFile(join(dir, 'scores'), '\n\n{}\n');
    expect(await problem(() => readEvaluations(join(dir, 'scores')))).toMatch(/scores:3: /);
  });
});

describe('a folder of images', () => {
  it('may have links, but not to a folder that is read already, or to nothing', async () => {
    await writeFiles(dir, {
      'set/a/1.png': png([1]),
      'set/b/2.png': png([2]),
      'more/3.png': png([3]),
    });
    const set = join(dir, 'set');
    await symlink(join(dir, 'more'), join(set, 'c'));
    await symlink(join(dir, 'nothing'), join(set, 'd'));
    const data = await readData(set);
    expect([data.train.count, data.classNames]).toEqual([3, ['a', 'b', 'c']]);
    await symlink(set, join(set, 'b', 'again'));
    expect(await problem(() => readData(set))).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set/b/again leads to DIR/set, whose images are read already. Remove the link."`,
    );
  });
});

describe('a ruler', () => {
  const lenet = new LeNet({ channels: 1, side: 16, classes: 2, key: key(0) });

  it.each([
    { side: '10000' },
    { side: '17' },
    { side: '16.5' },
    { classes: '99999' },
    { classes: '-1' },
    { channels: '2' },
    { accuracy: '1e999' },
    { seed: 'x' },
  ])('whose card says %j makes no network', async (changes) => {
    const path = join(dir, 'ruler.safetensors');
    await writeFile(path, await encodeModule(lenet, { ...RULER_CARD, ...changes }));
    expect(await problem(() => readRuler(path))).toMatch(
      /^FormatError: readRuler: DIR\/ruler\.safetensors: (?:(?:side|classes|channels|accuracy|seed): |found \d+ weights, expected \d+ )/,
    );
    await writeFile(path, await encodeModule(lenet, RULER_CARD));
    expect((await readRuler(path)).card).toMatchObject({ side: 16, accuracy: 0.5 });
  });
});

describe('a step to replay', () => {
  const config = leastConfig({ backend: 'cpu', conditions: ['none'] });
  const facts = {
    format: 'tessera-anomaly',
    version: '1',
    stage: 'diffusion',
    step: '1',
    config: JSON.stringify(config),
    indices: '[0]',
  };
  const path = (): string => join(dir, 'anomaly.safetensors');

  /** Writes a step of the diffusion with this batch. */
  async function write(
    batch: unknown,
    changes: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const state = initialState(DiT.init(config.model, key(0)), key(1), config.optimizer);
    const entries = await readEntries({ state, ...(batch !== undefined && { batch }) });
    await writeFile(path(), encodeSafetensors(entries, { ...facts, ...changes }));
  }

  it('whose batch does not fit the model is refused by its file', async () => {
    const mean = (...shape: number[]): object => ({
      posterior: { mean: zeros(shape) },
      labels: tensor([0], { dtype: 'int32' }),
    });
    await write(mean(1, 2, 4, 4));
    expect(await replayStep(path())).toMatchObject({ step: 1, anomaly: null });
    const batches = [
      undefined,
      { mean: zeros([1]) },
      { posterior: zeros([1]) },
      mean(1, 2, 4),
      mean(1, 3, 4, 4),
    ];
    for (const batch of batches) {
      await write(batch);
      expect(await problem(() => replayStep(path()))).toMatch(
        /^FormatError: replay: DIR\/anomaly\.safetensors: the batch does not fit the model: /,
      );
    }
    await write(undefined, { stage: 'autoencoder' });
    expect(await problem(() => replayStep(path()))).toMatchInlineSnapshot(
      `"FormatError: replay: DIR/anomaly.safetensors: the batch is not the images of an autoencoder."`,
    );
  });

  it('has one tensor at a place', async () => {
    const entry = { dtype: 'float32', shape: [], data: new Float32Array(1) } as const;
    for (const names of [
      ['batch.a', 'batch.a.b'],
      ['batch.a.b', 'batch.a'],
      ['batch', 'batch.a'],
    ]) {
      await writeFile(
        path(),
        encodeSafetensors(new Map(names.map((name) => [name, entry])), facts),
      );
      const stored = await readAnomalyFile(path());
      expect(await problem(() => stored.batch())).toMatch(
        /^FormatError: replay: DIR\/anomaly\.safetensors: two tensors stand at batch\.a/,
      );
    }
  });
});

describe('the lock of a run', () => {
  const since = '2026-01-01T00:00:00.000Z';

  it.each([
    { pid: -1 },
    { pid: 1.5 },
    { pid: 1e300 },
    { since: '2026-02-31T25:00:00Z' },
    { since: 'yesterday' },
  ])('that names no process and time is that of a process which has ended: %j', async (changes) => {
    await mkdir(join(dir, 'state'));
    const owner = { id: 'x', host: hostname(), pid: process.pid, since, ...changes };
    await writeFile(join(dir, 'state', 'lock.json'), JSON.stringify(owner));
    const notices: string[] = [];
    await (await lockRun(dir, (text) => notices.push(text))).release();
    expect(notices).toEqual([
      `${dir} was locked by a process that has ended. The lock is taken over.`,
    ]);
  });

  it('brings no sign of control into an error', async () => {
    await mkdir(join(dir, 'state'));
    await writeFile(
      join(dir, 'state', 'lock.json'),
      JSON.stringify({ id: 'x', host: '\u001b[2J', pid: 1, since }),
    );
    expect(await problem(() => lockRun(dir, () => undefined))).toContain(
      'process 1 on \\u{1b}[2J, which',
    );
  });
});

describe('a mapping of EMNIST', () => {
  it.each(['0 99999999\n', '0 65.5\n', '0 10\n', '0 -1\n', '-1 65\n', '0\n', '0 55296\n'])(
    'names letters: %j',
    async (text) => {
      const idx = Buffer.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9]);
      const labels = Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 0]);
      await writeFiles(dir, {
        'emnist-x-train-images-idx3-ubyte': idx,
        'emnist-x-train-labels-idx1-ubyte': labels,
        'emnist-x-test-images-idx3-ubyte': idx,
        'emnist-x-test-labels-idx1-ubyte': labels,
        'emnist-x-mapping.txt': text,
      });
      expect(await problem(() => readData(dir))).toBe(
        'FormatError: readData: DIR/emnist-x-mapping.txt:1: expected a label and codes of letters, such as 1 65 97.',
      );
    },
  );
});

describe('samples that are not finite', () => {
  it('are no latents', async () => {
    const config = leastConfig({ backend: 'cpu', conditions: ['none'] });
    const spoilt = DiT.init(config.model, key(0));
    const latents = new Generator({ ...config, codec: 'latents' }, { latentScale: 1 });
    const xT = new Float32Array(2 * 4 * 4).fill(3e38);
    const options = { ...config.sampling, guidance: 1, labels: [0], key: key(0) };
    const draw = (): Promise<Float32Array> => latents.generateLatents(spoilt, { ...options, xT });
    expect(await problem(draw)).toMatchInlineSnapshot(
      `"ValueError: generateLatents: the samples are not finite: a latent is NaN. Lower the guidance (1), or look at the weights."`,
    );
  });

  it('are no film', async () => {
    const decode = async (x: Tensor): Promise<Float32Array> => (await x.data()) as Float32Array;
    const film = new Film({ steps: 1, frames: 1, shows: 'x0', images: [0], decode });
    const x = tensor([[[[1, NaN]]]]);
    await expect(film.onStep({ start: 0, n: 0, x, xStart: x })).rejects.toThrow(
      'film: what the model sees after step 1 is not finite.',
    );
  });
});
